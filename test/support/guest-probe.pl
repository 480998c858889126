# Network and privilege probes that run inside the guest, in the perl every Debian has.
use strict; use warnings; use Socket qw(:all); use Errno;

sub address { my ($host, $port) = @_; return $host =~ /:/ ? sockaddr_in6($port, inet_pton(AF_INET6, $host)) : sockaddr_in($port, inet_pton(AF_INET, $host)) }
sub family { return $_[0] =~ /:/ ? AF_INET6 : AF_INET }
sub fail { my ($what) = @_; my $name = (grep { $!{$_} } qw(ECONNRESET ECONNREFUSED EPIPE EPERM EACCES ENOSYS EBUSY ENOENT ESRCH ENOSPC EAGAIN))[0] // "errno " . ($! + 0); print "$what: $name\n"; exit 1 }
sub dial { my ($host, $port) = @_; socket(my $s, family($host), SOCK_STREAM, 0) or fail('socket'); connect($s, address($host, $port)) or fail('connect'); return $s }
sub slurp { my ($s) = @_; my $all = ''; while (1) { my $n = sysread($s, my $part, 65536); fail('read') unless defined $n; last if $n == 0; $all .= $part } return $all }
sub spill { my ($s, $all) = @_; my $at = 0; while ($at < length $all) { my $n = syswrite($s, $all, 65536, $at); fail('write') unless defined $n; $at += $n } }

my %probes = (
  # sends stdin, half closes, prints the answer
  exchange => sub { $SIG{PIPE} = 'IGNORE'; my $s = dial(@_); binmode STDIN; local $/; my $all = <STDIN> // ''; if (!(my $pid = fork)) { spill($s, $all); shutdown($s, 1); exit 0 } binmode STDOUT; my $answer = slurp($s); print $answer; wait },
  # opens N connections at once and sends a line on each
  crowd => sub { my ($host, $port, $n) = @_; my @all = map { dial($host, $port) } 1 .. $n; my $good = 0; for my $i (1 .. $n) { syswrite($all[$i - 1], "$i\n"); shutdown($all[$i - 1], 1) } for my $i (1 .. $n) { $good++ if slurp($all[$i - 1]) eq "$i\n" } print "$good\n" },
  # a server on the first address, reached by the second
  serve => sub { my ($at, $by, $port) = @_; socket(my $l, family($at), SOCK_STREAM, 0); setsockopt($l, SOL_SOCKET, SO_REUSEADDR, 1); bind($l, address($at, $port)) or fail('bind'); listen($l, 5); my $pid = fork; if (!$pid) { accept(my $c, $l) or fail('accept'); spill($c, 'served'); exit 0 } my $s = dial($by, $port); print slurp($s); kill 9, $pid; waitpid $pid, 0 },
  udp => sub { my ($host, $port) = @_; socket(my $s, family($host), SOCK_DGRAM, 0); connect($s, address($host, $port)) or fail('connect'); syswrite($s, 'x') or fail('write'); sysread($s, my $x, 10) // fail('read'); print "answered\n" },
  # sends datagrams of these sizes from one socket, prints the sizes of what comes back
  datagrams => sub { my ($host, $port, @sizes) = @_; socket(my $s, family($host), SOCK_DGRAM, 0); connect($s, address($host, $port)) or fail('connect'); for my $size (@sizes) { defined syswrite($s, 'd' x $size) or fail('write'); my $n = sysread($s, my $x, 65536) // fail('read'); print "$n\n" } },
  # one unconnected socket, its own name for each address sent there, prints who answered what
  scatter => sub { my ($port, @hosts) = @_; socket(my $s, AF_INET, SOCK_DGRAM, 0); for my $host (@hosts) { send($s, $host, 0, address($host, $port)) // fail('send'); my $from = recv($s, my $x, 100, 0) // fail('recv'); my ($p, $a) = sockaddr_in($from); print inet_ntop(AF_INET, $a), " $x\n" } },
  # sends and waits a moment, N times
  knock => sub { my ($host, $port, $n) = @_; for (1 .. $n) { socket(my $s, family($host), SOCK_DGRAM, 0); connect($s, address($host, $port)); syswrite($s, 'x'); my $r = ''; vec($r, fileno($s), 1) = 1; if (select($r, undef, undef, 0.7)) { defined sysread($s, my $x, 10) or fail('read'); print "answered\n" } else { print "silent\n" } } },
  # a datagram to a server of the guest's own
  pair => sub { my ($host, $port) = @_; socket(my $l, AF_INET, SOCK_DGRAM, 0); bind($l, address('0.0.0.0', $port)) or fail('bind'); socket(my $s, AF_INET, SOCK_DGRAM, 0); send($s, 'hello', 0, address($host, $port)) // fail('send'); recv($l, my $x, 10, 0) // fail('recv'); print "$x\n" },
  # asks for a flood, reads late, prints how much of it was left
  drain => sub { my ($host, $port) = @_; socket(my $s, family($host), SOCK_DGRAM, 0); connect($s, address($host, $port)); syswrite($s, 'x'); sleep 2; my $count = 0; while (1) { my $r = ''; vec($r, fileno($s), 1) = 1; last unless select($r, undef, undef, 0.5); sysread($s, my $x, 65536) // last; $count++ } print "$count\n" },
  # sends DNS questions of the given sizes over UDP, prints the sizes of the answers
  'dns-udp' => sub { for my $size (@_) { socket(my $s, AF_INET, SOCK_DGRAM, 0); connect($s, address('127.0.0.53', 53)); syswrite($s, 'q' x $size); my $n = sysread($s, my $answer, 65536); print defined $n ? length $answer : 'none', "\n" } },
  # all questions in one write on one connection
  'dns-tcp' => sub { my $s = dial('127.0.0.53', 53); spill($s, join '', map { pack('n', $_) . 'q' x $_ } @_); for (@_) { my $head = ''; sysread($s, $head, 2 - length $head, length $head) while length $head < 2; my $left = unpack 'n', $head; my $answer = ''; sysread($s, $answer, $left - length $answer, length $answer) while length $answer < $left; print length $answer, "\n" } },
  session => sub { socket(my $s, AF_UNIX, SOCK_STREAM, 0); connect($s, sockaddr_un('/run/agent-sandbox/host.sock')) or fail('connect'); syswrite($s, 'knock'); shutdown($s, 1); print slurp($s) },
  # a raw system call: prints its errno
  call => sub { my ($number, @rest) = @_; my @arguments = map { /^-?\d+$/ ? $_ + 0 : $_ } @rest; my $result = syscall($number + 0, @arguments); $result < 0 ? fail($number) : print "$number: $result\n" },
  # takes a descriptor out of another process
  steal => sub { my ($pid, $target, $text) = @_; my $pidfd = syscall(434, $pid + 0, 0); fail('pidfd_open') if $pidfd < 0; for my $fd (3 .. 60) { my $link = readlink("/proc/$pid/fd/$fd") // next; next unless $link eq $target; my $own = syscall(438, $pidfd, $fd, 0); fail('pidfd_getfd') if $own < 0; open(my $port, '>&=', $own) or fail('open'); syswrite($port, $text x 4096) for 1 .. 40; print "wrote to $link\n"; exit 0 } print "no such descriptor\n" },
  memory => sub { my ($bytes) = @_; my $all = 'x' x $bytes; print length $all, "\n" },
);
$| = 1;
# Several probes, with `--` between them, each in a process of its own, cost one start of perl.
my @batch = ([]);
for (@ARGV) { if ($_ eq '--') { push @batch, [] } else { push @{$batch[-1]}, $_ } }
for (@batch) { my ($probe, @words) = @$_; if (@batch == 1) { $probes{$probe}->(@words); exit 0 } my $pid = fork; if (!$pid) { open STDIN, '<', '/dev/null'; $probes{$probe}->(@words); print "\n"; exit 0 } waitpid $pid, 0 }
