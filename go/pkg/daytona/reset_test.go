package daytona_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/daytonaio/daytona/libs/sdk-go/pkg/daytona"
	"github.com/daytonaio/daytona/libs/sdk-go/pkg/types"
)

const resetChild = "DAYTONA_TEST_RESET_CHILD"

// certificates returns that of an authority, in PEM, and one of a server on this machine that it has signed.
func certificates(t *testing.T) ([]byte, tls.Certificate) {
	t.Helper()
	sign := func(template, parent *x509.Certificate, public, private *ecdsa.PrivateKey) []byte {
		template.NotBefore, template.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
		der, err := x509.CreateCertificate(rand.Reader, template, parent, &public.PublicKey, private)
		if err != nil {
			t.Fatal(err)
		}
		return der
	}
	key := func() *ecdsa.PrivateKey {
		made, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		return made
	}
	authorityKey, serverKey := key(), key()
	authority := &x509.Certificate{SerialNumber: big.NewInt(1), IsCA: true, BasicConstraintsValid: true}
	root := sign(authority, authority, authorityKey, authorityKey)
	leaf := &x509.Certificate{SerialNumber: big.NewInt(2), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}}
	served := sign(leaf, authority, serverKey, authorityKey)
	inPEM := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: root})
	return inPEM, tls.Certificate{Certificate: [][]byte{served}, PrivateKey: serverKey}
}

// resettingServer knows one sandbox, and resets the connection of each upload after its first bytes.
func resettingServer(t *testing.T, certificate tls.Certificate) *httptest.Server {
	t.Helper()
	var server *httptest.Server
	server = httptest.NewUnstartedServer(http.HandlerFunc(func(response http.ResponseWriter, request *http.Request) {
		if !strings.HasSuffix(request.URL.Path, "/files/bulk-upload") {
			response.Header().Set("Content-Type", "application/json")
			fmt.Fprintf(response, `{"id": "s", "state": "started", "toolboxProxyUrl": "%s/toolbox"}`, server.URL)
			return
		}
		_, _ = request.Body.Read(make([]byte, 1000))
		connection, _, err := response.(http.Hijacker).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		_ = connection.(*tls.Conn).NetConn().(*net.TCPConn).SetLinger(0)
		connection.(*tls.Conn).NetConn().Close()
	}))
	server.TLS = &tls.Config{Certificates: []tls.Certificate{certificate}}
	server.StartTLS()
	t.Cleanup(server.Close)
	return server
}

func TestAPeerThatResetsEndsTheCallAndNotTheProgram(t *testing.T) {
	if os.Getenv(resetChild) == "" {
		// What would end this program ends only its child.
		child := exec.Command(os.Args[0], "-test.run", "^"+t.Name()+"$", "-test.count", "1")
		child.Env = append(os.Environ(), resetChild+"=1")
		if output, err := child.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, output)
		}
		return
	}
	inPEM, certificate := certificates(t)
	server := resettingServer(t, certificate)
	authority := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(authority, inPEM, 0o600); err != nil {
		t.Fatal(err)
	}
	client, err := daytona.NewClientWithConfig(&types.DaytonaConfig{
		APIKey: "key", APIUrl: server.URL + "/api", CACert: authority,
	})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close(ctx)
	sandbox, err := client.Get(ctx, "s")
	if err != nil {
		t.Fatal(err)
	}
	content := make([]byte, 8<<20)
	for i := 0; i < 30; i++ {
		if err := sandbox.FileSystem.UploadFile(ctx, content, "x"); err == nil {
			t.Fatal("a reset connection is no upload")
		}
	}
}
