# Makes every key and certificate of one cluster, once, and the kubeconfigs that carry them. Knows nothing of who is started with them.

readonly CERTIFICATE_DAYS=3650

make_pki() {
  local pki=$DIR/pki
  [[ -f $pki/complete ]] && return 0
  (
    umask 077
    rm -rf "$pki"
    mkdir -p "$pki"
    cd "$pki" || exit
    # Two authorities, because whoever holds a certificate of the second may claim to be anybody.
    new_authority ca "sallyport-$NAME"
    new_authority front-proxy-ca "sallyport-$NAME-front-proxy"
    openssl ecparam -name prime256v1 -genkey -noout -out sa.key
    openssl ec -in sa.key -pubout -out sa.pub 2>/dev/null

    new_certificate ca apiserver /CN=kube-apiserver serverAuth \
      "DNS:localhost,DNS:kubernetes,DNS:kubernetes.default,DNS:kubernetes.default.svc,DNS:kubernetes.default.svc.cluster.local,IP:$API_SERVICE_IP,IP:$NODE_IP,IP:127.0.0.1"
    new_certificate ca kubelet "/O=system:nodes/CN=system:node:$NODE_NAME" serverAuth,clientAuth "DNS:$NODE_NAME,IP:$NODE_IP"
    new_certificate ca apiserver-kubelet-client /O=system:masters/CN=kube-apiserver-kubelet-client clientAuth
    new_certificate ca admin /O=system:masters/CN=kubernetes-admin clientAuth
    new_certificate ca controller-manager /CN=system:kube-controller-manager clientAuth
    new_certificate ca scheduler /CN=system:kube-scheduler clientAuth
    new_certificate ca proxy /CN=system:kube-proxy clientAuth
    new_certificate ca coredns /CN=system:coredns clientAuth
    new_certificate front-proxy-ca front-proxy-client /CN=front-proxy-client clientAuth
    rm -f ./*.csr
    : >complete
  )
}

new_authority() {
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -noenc -days "$CERTIFICATE_DAYS" \
    -subj "/CN=$2" -keyout "$1.key" -out "$1.crt" \
    -addext keyUsage=critical,keyCertSign,cRLSign,digitalSignature 2>/dev/null
}

# new_certificate AUTHORITY FILE SUBJECT USAGES [NAMES]
new_certificate() {
  local authority=$1 file=$2 subject=$3 usages=$4 names=${5:-}
  openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -noenc -subj "$subject" -keyout "$file.key" -out "$file.csr" 2>/dev/null
  openssl x509 -req -in "$file.csr" -CA "$authority.crt" -CAkey "$authority.key" -days "$CERTIFICATE_DAYS" -out "$file.crt" \
    -set_serial "0x$(openssl rand -hex 8)" \
    -extfile <(printf 'keyUsage=critical,digitalSignature\nextendedKeyUsage=%s\n%s' "$usages" "${names:+subjectAltName=$names
}") 2>/dev/null
}

# new_kubeconfig FILE CERTIFICATE CONTEXT writes one file that needs no other.
new_kubeconfig() {
  local file=$1 certificate=$2 context=$3 pki=$DIR/pki
  (
    umask 077
    write_file "$file" <<KUBECONFIG
apiVersion: v1
kind: Config
clusters:
- name: $context
  cluster:
    server: https://$NODE_IP:$API_PORT
    certificate-authority-data: $(base64 -w0 "$pki/ca.crt")
users:
- name: $context
  user:
    client-certificate-data: $(base64 -w0 "$pki/$certificate.crt")
    client-key-data: $(base64 -w0 "$pki/$certificate.key")
contexts:
- name: $context
  context: {cluster: $context, user: $context}
current-context: $context
KUBECONFIG
  )
}

make_kubeconfigs() {
  new_kubeconfig "$DIR/admin.kubeconfig" admin "sallyport-$NAME"
  local component
  for component in kubelet controller-manager scheduler proxy coredns; do
    new_kubeconfig "$DIR/$component.kubeconfig" "$component" "$component"
  done
}

# Static tokens for tests of that way in: random for each cluster, readable by their owner alone.
make_tokens() {
  [[ -f $DIR/tokens.csv ]] && return 0
  (
    umask 077
    printf '%s,alice,1001,"devs"\n%s,bob,1002,"devs,ops"\n%s,carol,1003,"auditors"\n' \
      "$(openssl rand -hex 16)" "$(openssl rand -hex 16)" "$(openssl rand -hex 16)" >"$DIR/tokens.csv.new"
    mv "$DIR/tokens.csv.new" "$DIR/tokens.csv"
  )
}
