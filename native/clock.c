// Prints the rate of this machine's time stamp counter in kHz. An emulated guest sees the same counter, and is told the
// rate so that it need not measure it through emulated timers. Prints nothing on processors without one.
#include <stdio.h>
#include <time.h>
#if defined(__x86_64__)
#include <x86intrin.h>

static long long nanoseconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC_RAW, &now);
  return now.tv_sec * 1000000000LL + now.tv_nsec;
}

int main(void) {
  long long best = 0, rate = 0;
  // The shortest pair of readings is the one that was not interrupted.
  for (int attempt = 0; attempt < 3; attempt += 1) {
    long long from = nanoseconds(), ticks = (long long)__rdtsc();
    struct timespec pause = {0, 50000000};
    nanosleep(&pause, 0);
    long long before = nanoseconds(), counted = (long long)__rdtsc() - ticks, after = nanoseconds();
    if (best != 0 && after - before >= best) continue;
    best = after - before + 1;
    rate = counted * 1000000LL / ((before + after) / 2 - from);
  }
  printf("%lld\n", rate);
  return 0;
}
#else
int main(void) { return 0; }
#endif
