// A server and a client over TLS in one program, for tests of those who watch it. It writes a key log of its own, which
// is what the watchers' keys are compared with.
//
//	handshakes KEYLOG
//
// It prints the server's address. Then each line `VERSION COUNT` on standard input (`12 5`, `13 1`) makes so many
// connections one after the other, with one request on each, resuming sessions as Go does, and prints how many were
// resumed.
package main

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"os"
	"time"
)

func main() {
	keyLog, err := os.OpenFile(os.Args[1], os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	check(err)
	// The server has no key log: that of an API server has none either.
	config := &tls.Config{Certificates: []tls.Certificate{certificate()}, NextProtos: []string{"http/1.1"}}
	listener, err := tls.Listen("tcp", "127.0.0.1:0", config)
	check(err)
	go func() {
		check(http.Serve(listener, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			fmt.Fprintf(w, `{"kind":"Status","path":%q}`, r.URL.Path)
		})))
	}()
	fmt.Println(listener.Addr())

	sessions := map[int]tls.ClientSessionCache{}
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		var version, count, resumed int
		_, err := fmt.Sscanf(lines.Text(), "%d %d", &version, &count)
		check(err)
		if sessions[version] == nil {
			sessions[version] = tls.NewLRUClientSessionCache(4)
		}
		number := map[int]uint16{12: tls.VersionTLS12, 13: tls.VersionTLS13}[version]
		client := &tls.Config{
			InsecureSkipVerify: true, MinVersion: number, MaxVersion: number, KeyLogWriter: keyLog,
			ClientSessionCache: sessions[version], NextProtos: []string{"http/1.1"}, ServerName: "handshakes.test",
		}
		for i := 0; i < count; i++ {
			if connect(listener.Addr(), client, fmt.Sprintf("/tls%d/%d", version, i)) {
				resumed++
			}
		}
		fmt.Println("resumed", resumed)
	}
}

func connect(address net.Addr, config *tls.Config, path string) bool {
	connection, err := tls.Dial("tcp", address.String(), config)
	check(err)
	defer connection.Close()
	fmt.Fprintf(connection, "GET %s HTTP/1.1\r\nHost: handshakes.test\r\nAuthorization: Bearer canary-of-handshakes\r\nConnection: close\r\n\r\n", path)
	_, err = io.Copy(io.Discard, connection)
	check(err)
	return connection.ConnectionState().DidResume
}

func certificate() tls.Certificate {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	check(err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), DNSNames: []string{"handshakes.test"},
	}
	signed, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	check(err)
	return tls.Certificate{Certificate: [][]byte{signed}, PrivateKey: key}
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
