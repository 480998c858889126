# What the runner tells its own actions.
o=$(env | grep -E '^(ACTIONS_(ID_TOKEN|RUNTIME|CACHE|RESULTS)|GITHUB_TOKEN|GH_TOKEN|INPUT_|SYSTEM_)')
if [ -n "$o" ]; then emit ESCAPED "$(printf %s "$o" | cut -d= -f1)"; else emit CONTAINED ""; fi
