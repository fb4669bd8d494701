package storage

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/container"
	"github.com/fsouza/fake-gcs-server/fakestorage"
	"github.com/johannesboyne/gofakes3"
	"github.com/johannesboyne/gofakes3/backend/s3mem"
	"gocloud.dev/blob"
	"gocloud.dev/gcerrors"
)

// clouds are servers that stand in for the clouds. Each starts with an empty
// bucket of the given name; public is the address that clients see.
var clouds = []struct {
	scheme string
	start  func(t *testing.T, bucket, public string) http.Handler
	// env points the cloud's client at an address, host and port.
	env func(address string) map[string]string
}{
	{"s3", startS3, func(address string) map[string]string {
		return map[string]string{
			"AWS_ENDPOINT_URL": "http://" + address, "AWS_ACCESS_KEY_ID": "id", "AWS_SECRET_ACCESS_KEY": "secret",
			"AWS_EC2_METADATA_DISABLED": "true", "AWS_CONFIG_FILE": "none", "AWS_SHARED_CREDENTIALS_FILE": "none",
		}
	}},
	{"gs", startGCS, func(address string) map[string]string {
		return map[string]string{"STORAGE_EMULATOR_HOST": address}
	}},
	{"azblob", startAzure, azureEnv},
}

func azureEnv(address string) map[string]string {
	return map[string]string{
		"AZURE_STORAGE_ACCOUNT": azuriteAccount, "AZURE_STORAGE_KEY": azuriteKey,
		"AZURE_STORAGE_DOMAIN": address, "AZURE_STORAGE_PROTOCOL": "http", "AZURE_STORAGE_IS_LOCAL_EMULATOR": "true",
	}
}

func startS3(t *testing.T, bucket, _ string) http.Handler {
	backend := s3mem.New()
	if err := backend.CreateBucket(bucket); err != nil {
		t.Fatal(err)
	}
	return gofakes3.New(backend, gofakes3.WithLogger(gofakes3.DiscardLog())).Server()
}

func startGCS(t *testing.T, bucket, public string) http.Handler {
	host, _, _ := strings.Cut(public, ":")
	srv, err := fakestorage.NewServerWithOptions(fakestorage.Options{NoListener: true, ExternalURL: "http://" + public, PublicHost: host})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(srv.Stop)
	srv.CreateBucketWithOpts(fakestorage.CreateBucketOpts{Name: bucket})
	return srv.HTTPHandler()
}

// startAzure makes a container in the Azurite that all tests share.
func startAzure(t *testing.T, bucket, _ string) http.Handler {
	if testing.Short() {
		t.Skip("starts Azurite")
	}
	address, err := azurite()
	if err != nil {
		t.Skipf("there is no Azurite to try azblob:// with: %v", err)
	}
	setenv(t, azureEnv(address))
	b, err := Open(t.Context(), "azblob://"+bucket)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	var client *container.Client
	if !b.As(&client) {
		t.Fatal("no client")
	}
	if _, err := client.Create(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	proxy := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: address})
	// A client that hangs up is none of its business.
	proxy.ErrorHandler = func(http.ResponseWriter, *http.Request, error) { panic(http.ErrAbortHandler) }
	return proxy
}

func setenv(t *testing.T, env map[string]string) {
	for name, value := range env {
		t.Setenv(name, value)
	}
}

// overClouds runs a test in each of the clouds.
func overClouds(t *testing.T, f func(t *testing.T, srv *server)) {
	for i := range clouds {
		t.Run(clouds[i].scheme, func(t *testing.T) { f(t, newServer(t, i)) })
	}
}

// bucketsMade numbers them: the names have to differ.
var bucketsMade atomic.Int32

// newServer starts a server of clouds[cloud], and points the environment at it.
func newServer(t *testing.T, cloud int) *server {
	t.Helper()
	if !testing.Short() {
		go azurite() // takes a while; what is tried first does not need it
	}
	bucket := fmt.Sprint("zoo", bucketsMade.Add(1))
	s := &server{bucket: clouds[cloud].scheme + "://" + bucket, rng: rand.New(rand.NewPCG(1, 2)), counts: map[string]int{}}
	var inner http.Handler
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { s.answer(inner, w, r) }))
	t.Cleanup(s.Close)
	address := s.Listener.Addr().String()
	inner = clouds[cloud].start(t, bucket, address)

	behind := httptest.NewServer(inner)
	t.Cleanup(behind.Close)
	setenv(t, clouds[cloud].env(behind.Listener.Addr().String()))
	var err error
	if s.behind, err = Open(context.WithoutCancel(t.Context()), s.bucket); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.behind.Close() })
	setenv(t, clouds[cloud].env(address))
	return s
}

// url returns that of an object.
func (s *server) url(key string) string { return s.bucket + "/" + key }

// content returns an object's bytes, past all faults; nil if there is none.
func (s *server) content(t *testing.T, key string) []byte {
	t.Helper()
	data, err := s.behind.ReadAll(t.Context(), key)
	if err != nil && gcerrors.Code(err) != gcerrors.NotFound {
		t.Error(err)
	}
	return data
}

// put makes an object, past all faults; its metadata says that it has the given
// digest, if any.
func (s *server) put(t *testing.T, key string, data []byte, digest ...string) {
	t.Helper()
	opt := &blob.WriterOptions{}
	for _, d := range digest {
		opt.Metadata = map[string]string{digestKey: d}
	}
	if err := s.behind.WriteAll(t.Context(), key, data, opt); err != nil {
		t.Fatal(err)
	}
}

// keys lists the bucket, past all faults.
func (s *server) keys(t *testing.T) []string {
	t.Helper()
	list, _, err := s.behind.ListPage(t.Context(), blob.FirstPageToken, 1000, nil)
	if err != nil {
		t.Error(err)
	}
	var keys []string
	for _, o := range list {
		keys = append(keys, o.Key)
	}
	return keys
}
