/* How init ends: never by exit, which would panic the kernel without a word. */
#ifndef FAULT_H
#define FAULT_H

/* Tells the host why, as a FAULT frame, and halts the machine. May be called from any thread. */
_Noreturn void fault(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* Turns crashes of init itself into faults, and makes no other signal end it. */
void fault_prepare_signals(void);
/* Halts the machine without a word. */
_Noreturn void halt(void);

#endif
