# Raw system calls for x86_64 and aarch64, and the verdict line. Imported by snippets.
import ctypes
import os
import platform

_libc = ctypes.CDLL(None, use_errno=True)
_column = 1 if platform.machine() == "aarch64" else 0
_numbers = {
    "ptrace": (101, 117), "mount": (165, 40), "umount2": (166, 39), "pivot_root": (155, 41), "unshare": (272, 97),
    "setns": (308, 268), "name_to_handle_at": (303, 264), "open_by_handle_at": (304, 265), "bpf": (321, 280),
    "perf_event_open": (298, 241), "userfaultfd": (323, 282), "keyctl": (250, 219), "add_key": (248, 217),
    "init_module": (175, 105), "kexec_load": (246, 104), "io_uring_setup": (425, 425), "io_uring_enter": (426, 426),
    "process_vm_writev": (311, 271), "pidfd_getfd": (438, 438), "swapon": (167, 224), "renameat2": (316, 276),
}


def sc(name, *arguments):
    """Returns (result, errno)."""
    ctypes.set_errno(0)
    result = _libc.syscall(ctypes.c_long(_numbers[name][_column]), *arguments)
    return result, ctypes.get_errno()


def emit(verdict, detail=""):
    text = str(detail).replace("\n", " ").replace("|", " ")[:200]
    print(f"CASE|{os.environ['ID']}|{verdict}|{text}", flush=True)
