o=$(ls -S /var/run/docker.sock /run/podman/podman.sock /run/containerd/containerd.sock /run/crio/crio.sock 2>/dev/null; curl -sS --max-time 3 --unix-socket /var/run/docker.sock http://d/version 2>/dev/null | grep ApiVersion)
if [ -n "$o" ]; then emit ESCAPED "$o"; else emit CONTAINED ""; fi
