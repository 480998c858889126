# Another protocol on a port of a host whose requests are judged: its server answers bytes that are no request with a 400.
seen "$(rawreq "{\"connect\":\"$RO:80\",\"tls\":false,\"send\":\"SSH-2.0-x\\r\\n\\r\\n\"}")" '400 Bad Request'
