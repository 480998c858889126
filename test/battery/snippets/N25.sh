# Other methods than the rule names, and headers that ask a server to take one for another.
o=$(for m in POST PUT DELETE PATCH post TRACE; do via -X "$m" -d "x=$NONCE" "https://$RO/api/x"; done; via -H 'X-HTTP-Method-Override: DELETE' "https://$RO/api/x"; via -H 'X-HTTP-Method: PUT' "https://$RO/api/x")
seen "$o" "ORIGIN:$RO"
