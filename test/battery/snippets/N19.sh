# Look-alikes of an allowed name; then the allowed name itself in other clothes.
o=$(for u in 'аllowed.test' xn--llowed-2nf.test "allowed。test.$BLOCK" "$BLOCK."; do via "http://$u/"; done)
seen "$o" ORIGIN:
works "$(via 'http://ALLOWED.test./')" ORIGIN:
