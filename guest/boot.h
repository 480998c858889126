/* From the kernel's first call of init to the point where the snapshot is taken. */
#ifndef BOOT_H
#define BOOT_H

/* Mounts what init itself needs and loads the modules named in /m/order. */
void boot_prepare(void);
/* Opens the virtio-serial port of this name for reading and writing, non-blocking. */
int boot_port(const char *name);
/* Kernel settings that stand for every session. */
void boot_harden(void);

#endif
