# Strange but legal use of the file system: errors are fine, a dead server is not.
import os

from sysc import emit, sc

base = os.path.join(os.environ["WS"], "f25")
os.makedirs(base, exist_ok=True)
notes = []


def attempt(name, work):
    try:
        work()
        notes.append(name)
    except OSError as error:
        notes.append(f"{name}:{error.errno}")


def many():
    held = []
    try:
        for i in range(2000):
            held.append(os.open(os.path.join(base, f"m{i % 50}"), os.O_CREAT | os.O_RDWR))
    finally:
        for descriptor in held:
            os.close(descriptor)


def unnamed():
    descriptor = os.open(base, os.O_TMPFILE | os.O_RDWR, 0o600)
    os.link(f"/proc/self/fd/{descriptor}", os.path.join(base, "linked"), follow_symlinks=True)


def locked_out():
    path = os.path.join(base, "m1")
    os.chmod(path, 0)
    os.close(os.open(path, os.O_RDONLY))


attempt("many", many)
attempt("tmpfile", unnamed)
attempt("xattr", lambda: os.setxattr(os.path.join(base, "m2"), "user.x", b"x" * 60000))
attempt("chmod", locked_out)
attempt("copy", lambda: os.copy_file_range(os.open("/etc/passwd", os.O_RDONLY), os.open(os.path.join(base, "m3"), os.O_RDWR), 100))
notes.append(str(sc("renameat2", -100, os.path.join(base, "m4").encode(), -100, os.path.join(base, "m5").encode(), 2)))
with open(os.path.join(base, "alive"), "w") as file:
    file.write("alive")
with open(os.path.join(base, "alive")) as file:
    emit("WORKS" if file.read() == "alive" else "BROKEN", notes)
