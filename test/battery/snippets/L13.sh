T=150
sum=$(via "http://$ALLOW/download" | sha256sum | cut -d' ' -f1)
emit WORKS "sha256 $sum"
