# Agents, keyrings and helpers of whoever started this.
o=$(ssh-add -l 2>/dev/null | grep -E '^[0-9]'; ls -d "$SSH_AUTH_SOCK" /run/user/*/gnupg/S.gpg-agent /run/dbus/system_bus_socket 2>/dev/null; printf 'protocol=https\nhost=github.com\n\n' | GIT_TERMINAL_PROMPT=0 timeout 20 git credential fill 2>/dev/null | grep -E '^password=')
if [ -n "$o" ]; then emit ESCAPED "$o"; else emit CONTAINED ""; fi
