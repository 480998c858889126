import ctypes

from sysc import emit, sc

result = sc("io_uring_setup", 4, ctypes.create_string_buffer(256))
emit("ESCAPED" if result[0] >= 0 else "CONTAINED", result)
