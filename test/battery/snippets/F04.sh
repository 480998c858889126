mkdir -p f04 && cd f04
ln -sfn /etc lnk; echo pwn > "lnk/$NONCE" 2>/dev/null
ln -sfn "$HOME/.bashrc" rc; echo "touch /tmp/$NONCE" >> rc 2>/dev/null
ln -sfn ../../../../../../../../../../etc up; echo x > "up/$NONCE.up" 2>/dev/null
tried 'writes through links; the host decides'
