#!/bin/sh
# Write under $1 what hotline/render.py looks at: version, names of the modules (empty files), the manual.
set -eu
version=$(asterisk -V | sed -n 's/^Asterisk \([0-9][0-9.]*\).*/\1/p')
test -n "$version"
modules=$(dirname "$(find /usr/lib -path '*/asterisk/modules/res_pjsip.so')")
manual=/usr/share/asterisk/documentation

mkdir -p "$1/usr/sbin" "$1$modules" "$1$manual" "$1/opt/hotline/.venv"
for module in "$modules"/*.so; do : > "$1$module"; done
cp "$manual"/core-en_US.xml "$1$manual/"
printf '#!/bin/sh\necho "Asterisk runs in the container asterisk, not here" >&2\nexit 1\n' > "$1/usr/sbin/asterisk"
chmod 755 "$1/usr/sbin/asterisk"
cat > "$1/opt/hotline/.venv/tools.json" <<END
{"asterisk": {"binary": "/usr/sbin/asterisk", "version": "$version", "modules": "$modules",
 "data": "/usr/share/asterisk", "sipp": null}, "phone_python": "/opt/hotline/.venv-phone/bin/python"}
END
