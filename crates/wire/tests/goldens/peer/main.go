// Peer makes the traffic of one golden: a small API server and its client in one Go process, whose client
// writes a key log. Certificates are made anew each time and thrown away.
package main

import (
	"bytes"
	"compress/gzip"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"flag"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"os"
	"strings"
	"time"
)

var suites = map[string]uint16{
	"rsa-aes128":    tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
	"rsa-aes256":    tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
	"rsa-chacha":    tls.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
	"ecdsa-aes128":  tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
	"ecdsa-aes256":  tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
	"ecdsa-chacha":  tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
	"static-aes128": tls.TLS_RSA_WITH_AES_128_GCM_SHA256,
}

func main() {
	listen := flag.String("listen", "127.0.0.1:0", "where to listen")
	keys := flag.String("keys", "", "where to write the key log")
	version := flag.String("version", "1.3", "TLS version")
	suite := flag.String("suite", "rsa-aes128", "cipher suite of TLS 1.2")
	http2 := flag.Bool("http2", true, "speak HTTP/2")
	resume := flag.Int("resume", 0, "how many connections resume the first")
	retry := flag.Bool("retry", false, "make the server ask for another hello")
	flag.Parse()

	keyLog, err := os.Create(*keys)
	check(err)
	listener, err := net.Listen("tcp", *listen)
	check(err)
	fmt.Println(listener.Addr().(*net.TCPAddr).Port)

	server := &tls.Config{Certificates: []tls.Certificate{certificate(strings.HasPrefix(*suite, "ecdsa"))}}
	client := &tls.Config{InsecureSkipVerify: true, ServerName: "kubernetes.default.svc", KeyLogWriter: keyLog}
	if *version == "1.2" {
		server.MaxVersion, client.MaxVersion = tls.VersionTLS12, tls.VersionTLS12
		client.CipherSuites = []uint16{suites[*suite]}
		// HTTP/2 wants these of every server; the client asks for the one that is meant.
		server.CipherSuites = append([]uint16{suites["rsa-aes128"], suites["ecdsa-aes128"]}, client.CipherSuites...)
	}
	if *retry {
		client.CurvePreferences = []tls.CurveID{tls.X25519, tls.CurveP384}
		server.CurvePreferences = []tls.CurveID{tls.CurveP384}
	}
	if *resume > 0 {
		client.ClientSessionCache = tls.NewLRUClientSessionCache(8)
	}
	go func() {
		protocols := []string{"http/1.1"}
		if *http2 {
			protocols = []string{"h2", "http/1.1"}
		}
		server.NextProtos = protocols
		s := &http.Server{Handler: http.HandlerFunc(answer), TLSConfig: server}
		if !*http2 {
			s.TLSNextProto = map[string]func(*http.Server, *tls.Conn, http.Handler){}
		}
		log.Fatal(s.ServeTLS(listener, "", ""))
	}()
	for range *resume + 1 {
		transport := &http.Transport{TLSClientConfig: client.Clone(), ForceAttemptHTTP2: *http2, DisableCompression: true}
		if !*http2 {
			transport.TLSNextProto = map[string]func(string, *tls.Conn) http.RoundTripper{}
		}
		ask(&http.Client{Transport: transport}, "https://"+listener.Addr().String())
		transport.CloseIdleConnections()
		time.Sleep(50 * time.Millisecond)
	}
}

// ask says what the goldens hold: reads and writes, an error, a watch, a Secret, a compressed body.
func ask(client *http.Client, base string) {
	do := func(method, path, mediaType, body string) {
		request, err := http.NewRequest(method, base+path, strings.NewReader(body))
		check(err)
		request.Header.Set("Authorization", "Bearer canary-token-0123456789abcdef")
		request.Header.Set("User-Agent", "peer/1.0")
		if body != "" {
			request.Header.Set("Content-Type", mediaType)
		}
		response, err := client.Do(request)
		check(err)
		_, err = io.Copy(io.Discard, response.Body)
		check(err)
		response.Body.Close()
	}
	do("GET", "/api/v1/namespaces/shop/pods?limit=500", "", "")
	do("GET", "/api/v1/namespaces/shop/pods/web-0", "", "")
	do("POST", "/api/v1/namespaces/shop/secrets", "application/json",
		`{"apiVersion":"v1","data":{"password":"Y2FuYXJ5"},"kind":"Secret","metadata":{"name":"db"}}`)
	do("GET", "/api/v1/namespaces/shop/secrets/db", "", "")
	do("GET", "/api/v1/configmaps?watch=true", "", "")
	do("GET", "/apis/apps/v1/deployments", "", "")
	do("DELETE", "/api/v1/namespaces/shop/pods/web-9", "", "")
}

func answer(w http.ResponseWriter, r *http.Request) {
	io.Copy(io.Discard, r.Body)
	w.Header().Set("Content-Type", "application/json")
	w.Header()["Date"] = nil
	switch path := r.URL.Path; {
	case r.URL.Query().Get("watch") == "true":
		for i := range 3 {
			fmt.Fprintf(w, `{"type":"ADDED","object":{"kind":"ConfigMap","metadata":{"name":"c%d"}}}`+"\n", i)
			w.(http.Flusher).Flush()
			time.Sleep(5 * time.Millisecond)
		}
	case strings.HasSuffix(path, "/deployments"):
		var packed bytes.Buffer
		z := gzip.NewWriter(&packed)
		fmt.Fprintf(z, `{"kind":"DeploymentList","items":[%s{"metadata":{"name":"last"}}]}`,
			strings.Repeat(`{"metadata":{"name":"web"}},`, 300))
		z.Close()
		w.Header().Set("Content-Encoding", "gzip")
		w.Write(packed.Bytes())
	case strings.HasSuffix(path, "/web-9"):
		w.WriteHeader(http.StatusNotFound)
		io.WriteString(w, `{"kind":"Status","status":"Failure","reason":"NotFound","code":404}`)
	case strings.Contains(path, "/secrets"):
		io.WriteString(w, `{"kind":"Secret","data":{"password":"Y2FuYXJ5"},"metadata":{"name":"db"}}`)
	case strings.HasSuffix(path, "/pods"):
		io.WriteString(w, `{"kind":"PodList","items":[`+strings.Repeat(`{"metadata":{"name":"web"}},`, 80)+`{}]}`)
	default:
		io.WriteString(w, `{"kind":"Pod","metadata":{"name":"web-0"}}`)
	}
}

func certificate(ecdsaKey bool) tls.Certificate {
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		Subject:      pkix.Name{CommonName: "golden"},
		NotAfter:     time.Now().Add(time.Hour),
		DNSNames:     []string{"kubernetes.default.svc"},
	}
	if ecdsaKey {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		check(err)
		der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
		check(err)
		return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
	}
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	check(err)
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	check(err)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
