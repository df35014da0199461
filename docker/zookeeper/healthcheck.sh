#!/bin/bash
# Healthy is a server that names its mode: one that still looks for a leader does not.
exec 3<>/dev/tcp/127.0.0.1/2181 || exit 1
printf srvr >&3
timeout 3 cat <&3 | grep -q '^Mode:'
