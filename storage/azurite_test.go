package storage

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Azurite is Microsoft's stand-in for Azure's storage, in JavaScript. This is the
// last version that takes Node.js 20.
const azuritePackage = "azurite@3.35.0"

// The account, as a user has one; the key is any.
const (
	azuriteAccount = "zookeeper"
	azuriteKey     = "bm90IGEgc2VjcmV0LCBidXQgYXMgbG9uZyBhcyBvbmUuIE5vYm9keSBoYXMgaXQgaW4gdXNlLg=="
)

var (
	azuriteBegun atomic.Bool
	// azuriteContext ends the installation.
	azuriteContext, azuriteCancel = context.WithCancel(context.Background())
	azuriteRemove                 = func() {}
)

// azuriteStop ends Azurite, if it was started, and leaves nothing of it.
func azuriteStop() {
	azuriteCancel()
	if azuriteBegun.Load() {
		azurite() // has come to its end, or does so now
		azuriteRemove()
	}
}

// azurite starts Azurite, once for all tests, and returns its address. It is that
// on the PATH, or installed into a temporary folder.
var azurite = sync.OnceValues(func() (string, error) {
	azuriteBegun.Store(true)
	node, err := exec.LookPath("node")
	if err != nil {
		return "", err
	}
	dir, err := os.MkdirTemp("", "azurite-")
	if err != nil {
		return "", err
	}
	azuriteRemove = func() { os.RemoveAll(dir) }
	program, err := exec.LookPath("azurite-blob")
	if err != nil {
		if program, err = installAzurite(dir); err != nil {
			return "", err
		}
	}
	// It ends with the pipe, so with these tests, however they end.
	follow := filepath.Join(dir, "follow.js")
	if err := os.WriteFile(follow, []byte("process.stdin.on('end', () => process.exit()).resume()\n"), 0o666); err != nil {
		return "", err
	}
	cmd := exec.Command(node, "--require", follow, program, "--blobPort", "0", "--inMemoryPersistence", "--silent", "--disableTelemetry", "--skipApiVersionCheck")
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "AZURITE_ACCOUNTS="+azuriteAccount+":"+azuriteKey)
	in, err := cmd.StdinPipe()
	if err != nil {
		return "", err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return "", err
	}
	if err := cmd.Start(); err != nil {
		return "", err
	}
	azuriteRemove = func() {
		in.Close()
		cmd.Wait()
		os.RemoveAll(dir)
	}
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if _, address, ok := strings.Cut(lines.Text(), "listens on http://"); ok {
			return strings.TrimSpace(address), nil
		}
	}
	return "", errors.New("azurite has ended")
})

// installAzurite installs it, and returns the path of the program.
func installAzurite(dir string) (string, error) {
	npm, err := exec.LookPath("npm")
	if err != nil {
		return "", err
	}
	ctx, cancel := context.WithTimeout(azuriteContext, time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, npm, "install", "--no-audit", "--no-fund", "--ignore-scripts", "--fetch-retries=0", "--prefix", dir, azuritePackage)
	cmd.WaitDelay = time.Second
	if text, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("npm install %s: %w: %s", azuritePackage, err, text)
	}
	return filepath.Join(dir, "node_modules", ".bin", "azurite-blob"), nil
}
