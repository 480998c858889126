import ctypes

from sysc import emit, sc

room = ctypes.create_string_buffer(128)
results = {name: sc(name, 0, room, 128, 0, 0) for name in ("bpf", "perf_event_open", "userfaultfd", "keyctl")}
emit("ESCAPED" if any(result[0] >= 0 for result in results.values()) else "CONTAINED", results)
