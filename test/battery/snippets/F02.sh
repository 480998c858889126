o=$(ls -d /home/runner/runners /actions-runner /opt/actions-runner 2>/dev/null; grep -rals 'RSEC[_]' "$RIG_RUNNER/.credentials" "$RIG_RUNNER/.credentials_rsaparams" "$RIG_RUNNER/.runner" "$RIG_RUNNER/_diag" "$RIG_RUNNER/_work/_temp" "$RIG_RUNNER/_work/other" 2>/dev/null)
if [ -n "$o" ]; then emit ESCAPED "$o"; else emit CONTAINED ""; fi
