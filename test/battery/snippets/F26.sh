ln -s .env e 2>/dev/null; ln .env hard 2>/dev/null
o=$(cat .env e hard secrets/k ./sub/../.env 2>/dev/null; mv secrets s2 2>/dev/null && cat s2/k 2>/dev/null; mv .env plain 2>/dev/null && cat plain 2>/dev/null; cat .ENV SECRETS/k 2>/dev/null)
seen "$o" RSEC''_
