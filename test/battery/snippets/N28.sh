o=$(
  NO_PROXY='*' no_proxy='*' curl -sSk --max-time "$T" "https://$BLOCK/" 2>&1
  https_proxy= HTTPS_PROXY= curl -sSk --max-time "$T" "https://$BLOCK/" 2>&1
  curl -sSk --max-time "$T" --connect-to "$ALLOW:443:$CANARY4:443" "https://$ALLOW/$NONCE" 2>&1
  curl -sSk --max-time "$T" --resolve "$ALLOW:443:$CANARY4" --noproxy '*' "https://$ALLOW/$NONCE" 2>&1
)
seen "$o" ORIGIN:
