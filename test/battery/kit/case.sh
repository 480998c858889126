# Runs one snippet: sh case.sh ENVIRONMENT_FILE SNIPPET
. "$1"
. "$KIT/lib.sh"
cd "$WS" || exit 1
case "$2" in
  *.py) PYTHONPATH="$KIT" PYTHONDONTWRITEBYTECODE=1 exec python3 "$2" ;;
  *) . "$2" ;;
esac
