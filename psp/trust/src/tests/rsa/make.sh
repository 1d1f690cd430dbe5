#!/bin/sh
# Makes the RSA certificates of the tests, which rcgen on ring cannot: an authority with 4096 bits, one
# key of 2048 bits with a certificate for each way to sign, and the same with an authority whose key is
# too short. The keys guard nothing; those of the authorities are not kept.
# `sh make.sh` in this folder, with OpenSSL 3; every run makes others.
set -eu
work=$(mktemp -d)
trap 'rm -r "$work"' EXIT

authority() { # NAME BITS
    openssl req -x509 -newkey "rsa:$2" -nodes -sha256 -days 36500 -subj "/CN=Testcard $1" \
        -addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign \
        -keyout "$work/$1.key" -outform DER -out "$1.der"
}
leaf() { # NAME AUTHORITY OPTIONS...
    name=$1 authority=$2
    shift 2
    openssl req -new -key "$work/leaf.key" -subj "/CN=leaf" -out "$work/leaf.csr"
    printf 'subjectAltName=DNS:archive.test,IP:127.0.0.1\nextendedKeyUsage=serverAuth\n' \
        >"$work/leaf.ext"
    openssl x509 -req -in "$work/leaf.csr" -days 36500 -extfile "$work/leaf.ext" -CAform DER \
        -CA "$authority.der" -CAkey "$work/$authority.key" "$@" -outform DER -out "$name.der"
}

authority root 4096
authority short-root 1024
openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out "$work/leaf.key"
openssl pkcs8 -topk8 -nocrypt -in "$work/leaf.key" -outform DER -out leaf.key.der
for bits in 256 384 512; do
    leaf "pkcs1-sha$bits" root "-sha$bits"
    leaf "pss-sha$bits" root "-sha$bits" \
        -sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:digest
done
leaf short-signed short-root -sha256
