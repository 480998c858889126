seen "$(raw "https://$CANARY4/"; via "https://$CANARY4/")" ORIGIN:
