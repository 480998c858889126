/*
 * The mux protocol between guest init and host: frame format, numbers, limits.
 * src/guest/protocol.ts holds the same numbers; test/guest/protocol.test.ts compares both.
 *
 * Frame, little-endian:
 *
 *    0        4        8    9     10   12
 *   +--------+--------+----+-----+----+---------------------+
 *   | length | stream |type|flags| 0  | payload (length)    |
 *   +--------+--------+----+-----+----+---------------------+
 *
 * Stream 0 is control. Streams opened by the guest are odd, by the host even and not 0. Ids only grow, none is used twice:
 * a frame on a closed stream is stale and dropped, a frame on a stream that was never opened is a fault.
 * START and EXEC may be cut into several frames; all but the last carry FLAG_MORE. Their payload is a list of fields:
 *   u16 tag, u16 zero, u32 length, value.
 * An EXEC on stream S takes three streams: S stdin (and STARTED, EXIT, SIGNAL, RESIZE), S+2 stdout, S+4 stderr.
 */
#ifndef PROTOCOL_H
#define PROTOCOL_H

#define PROTOCOL_VERSION 1
#define PROTOCOL_MAGIC 0x42534741
#define FRAME_HEADER 12
#define FRAME_MAX 65536
#define STREAM_WINDOW 262144
#define STREAM_MAX 4096
#define MESSAGE_MAX 2097152
#define DNS_MAX 4096
#define FAULT_MAX 1024
#define FLAG_MORE 1

/* control stream */
#define TYPE_HELLO 1      /* guest: u32 magic, u32 version, u32 window */
#define TYPE_START 2      /* host: START fields */
#define TYPE_READY 3      /* guest: same as HELLO */
#define TYPE_FAULT 4      /* guest: text; the guest halts after it */
#define TYPE_SYNC 5       /* host: u32 id */
#define TYPE_SYNCED 6     /* guest: u32 id, u32 errno */
#define TYPE_SHUTDOWN 7   /* host: empty */
#define TYPE_BYE 8        /* guest: empty; the guest halts after it */
#define TYPE_DNS_QUERY 9  /* guest: u32 id, question */
#define TYPE_DNS_REPLY 10 /* host: u32 id, answer; none means drop */

/* other streams */
#define TYPE_OPEN_TCP 16     /* guest: u8 family (4 or 6), u8 zero, u16 port, 16 bytes address (4 used for v4, rest zero) */
#define TYPE_OPEN_SESSION 17 /* guest: u32 pid, u32 uid of the process that connected to the session socket */
#define TYPE_EXEC 18         /* host: EXEC fields */
#define TYPE_DATA 19         /* both: bytes, never empty */
#define TYPE_END 20          /* both: no more DATA from the sender */
#define TYPE_RESET 21        /* both: empty; the stream is gone in both directions */
#define TYPE_CREDIT 22       /* both: u32 bytes that the sender may send more */
#define TYPE_STARTED 23      /* guest: u32 pid */
#define TYPE_EXIT 24         /* guest: u32 kind (EXIT_*), u32 value, u32 stage (STAGE_*); the three streams are gone after it */
#define TYPE_SIGNAL 25       /* host: u32 signal, sent to the process group */
#define TYPE_RESIZE 26       /* host: u16 rows, u16 columns */
#define TYPE_OPEN_UDP 27     /* guest: as OPEN_TCP; DATA is datagrams, each behind its length (u16), and may be cut anywhere */

#define EXIT_CODE 0
#define EXIT_SIGNAL 1
#define EXIT_ERRNO 2

#define STAGE_NONE 0
#define STAGE_SETUP 1
#define STAGE_DIRECTORY 2
#define STAGE_EXECUTE 3

/* START fields; each exactly once, SHARE and FILE any number of times */
#define START_ENTROPY 1   /* 64 bytes */
#define START_TIME 2      /* u64 nanoseconds since 1970 */
#define START_HOSTNAME 3  /* text */
#define START_USER 4      /* text */
#define START_UID 5       /* u32 */
#define START_GID 6       /* u32 */
#define START_HOME 7      /* absolute path */
#define START_ROOT 8      /* u32: 1 when EXEC as root is allowed */
#define START_PROCESSES 9 /* u32 */
#define START_SHARE 10    /* absolute path, bound from the file server over the overlay */
#define START_DISK 11     /* u64: bytes the overlay may hold, 0 for the default */
#define START_FILE 12     /* absolute path, zero byte, content: a file that hides the server's; below /etc; any number of times */
#define START_DATAGRAMS 13 /* u16 each: the ports whose datagrams go to the host; absent: none */

#define ENTROPY_SIZE 64
#define SHARES_MAX 256
#define FILES_MAX 32
#define DATAGRAM_PORTS_MAX 256

/* EXEC fields; ARGUMENT and VARIABLE any number of times, TTY absent for pipes */
#define EXEC_ARGUMENT 1  /* bytes without NUL */
#define EXEC_VARIABLE 2  /* NAME=VALUE */
#define EXEC_DIRECTORY 3 /* absolute path */
#define EXEC_USER 4      /* u32: 0 agent, 1 root */
#define EXEC_TTY 5       /* u16 rows, u16 columns */

#define USER_AGENT 0
#define USER_ROOT 1

#endif
