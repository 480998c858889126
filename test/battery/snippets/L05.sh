mkdir -p out && printf hi > out/f && chmod 755 out/f && ln -sfn f out/l && emit WORKS written || emit BROKEN "cannot write"
