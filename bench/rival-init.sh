#!/bin/busybox sh
# First process of a rival guest. Kernel command line: bench.tech=9p|virtiofs, bench.options=MOUNT OPTIONS OF THE SHARE.
b=/bin/busybox
$b mount -t proc proc /proc
$b mount -t sysfs sys /sys
$b mount -t devtmpfs dev /dev
while read -r module; do $b insmod "/modules/$module.ko"; done < /etc/order
for word in $($b cat /proc/cmdline); do
  case $word in
    bench.tech=*) tech=${word#*=} ;;
    bench.options=*) options=${word#*=} ;;
  esac
done
case $tech in
  9p)
    # The root holds only programs: it gets the fastest mode there is, the share the one under test.
    $b mount -t 9p -o ro,trans=virtio,version=9p2000.L,msize=512000,cache=loose root /root
    $b mount -t 9p -o "trans=virtio,version=9p2000.L,msize=512000,$options" share /root/mnt
    ;;
  virtiofs)
    $b mount -t virtiofs -o ro root /root
    $b mount -t virtiofs share /root/mnt
    ;;
esac
$b mount -t proc proc /root/proc
$b mount -t devtmpfs dev /root/dev
$b mount -t tmpfs tmpfs /root/tmp
echo "READY $($b cat /proc/uptime)"
$b env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/tmp LANG=C.UTF-8 \
  $b chroot /root /bin/bash /mnt/workload.sh share /mnt
echo "END $?"
$b poweroff -f
