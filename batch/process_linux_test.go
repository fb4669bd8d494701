package batch

import (
	"encoding/json"
	"fmt"
	"os/exec"
	"testing"

	"github.com/advparams/advparams/batch/objects/objectstest"
)

// TestObjectLockOfTheDead checks that a lock is free if its owner's process has ended
// on this system.
func TestObjectLockOfTheDead(t *testing.T) {
	cmd := exec.Command("cat")
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	where, err := numberedBy()
	if err != nil {
		t.Skip(err)
	}
	began, err := beganAt(cmd.Process.Pid)
	if err != nil {
		t.Fatal(err)
	}
	process := fmt.Sprintf("%s %d %s", where, cmd.Process.Pid, began)
	for _, p := range []string{process, thisProcess(), "another system 1 1", ""} {
		if gone(p) {
			t.Errorf("%q is taken for ended", p)
		}
	}
	store := &objectstest.Dir{Root: t.TempDir()}
	const url = "s3://zoo/x.lock"
	text, _ := json.Marshal(owner{Host: "here", Process: process})
	if _, err := store.Write(t.Context(), url+"/his", text); err != nil {
		t.Fatal(err)
	}
	if _, _, err := acquireObject(t.Context(), store, url); err == nil {
		t.Fatal("his lock is taken while he lives")
	}
	in.Close()
	cmd.Wait()
	_, l, err := acquireObject(t.Context(), store, url)
	if err != nil {
		t.Fatal(err)
	}
	l.release(t.Context())
}
