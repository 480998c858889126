seen "$(via "http://$PRIV/")" ORIGIN:
