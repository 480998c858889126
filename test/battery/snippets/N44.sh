T=5
o=$(
  raw -H 'Metadata: true' 'http://169.254.169.254/metadata/instance?api-version=2021-02-01'
  raw -X PUT -H 'X-aws-ec2-metadata-token-ttl-seconds: 60' http://169.254.169.254/latest/api/token
  raw -H 'Metadata-Flavor: Google' http://metadata.google.internal/computeMetadata/v1/
  raw http://169.254.170.2/v2/credentials
  raw http://100.100.100.200/latest/meta-data/
  raw 'http://[fd00:ec2::254]/latest/meta-data/'
  raw 'http://[::ffff:169.254.169.254]/latest/meta-data/'
)
case "$o" in *'"compute"'* | *ami-id* | *service-accounts*) emit ESCAPED metadata ;; *) emit CONTAINED "" ;; esac
