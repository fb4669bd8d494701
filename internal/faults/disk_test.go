package faults

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
)

// calls makes calls from lines such as "write a text", where a is also what the
// descriptor stands for.
func parseCalls(t *testing.T, text string) []Call {
	t.Helper()
	var list []Call
	ids := map[string]FileID{".": {1, 1}}
	for line := range strings.SplitSeq(text, "; ") {
		f := strings.Fields(line)
		c := Call{Name: f[0], Path: f[1]}
		switch f[0] {
		case "openat":
			c.Create = true
			ids[f[1]] = FileID{1, uint64(len(ids) + 1)}
		case "write":
			c.Data = []byte(f[2])
		case "rename", "link":
			c.To = f[2]
		case "ftruncate":
			fmt.Sscan(f[2], &c.Offset)
		}
		c.File = ids[f[1]]
		list = append(list, c)
	}
	return list
}

func TestAfterCrash(t *testing.T) {
	for _, c := range []struct {
		name   string
		before Disk
		calls  string
		want   []string // all states of a, sorted; - if it is not there
	}{
		{"a file that is written anew", Disk{"a": "old"}, "openat a; ftruncate a 0; write a new", []string{"", "\x00\x00\x00", "n", "new", "old"}},
		{"rename without fsync", Disk{"a": "old"}, "openat b; write b new; rename b a", []string{"", "\x00\x00\x00", "n", "new", "old"}},
		{"rename after fsync", Disk{"a": "old"}, "openat b; write b new; fsync b; rename b a", []string{"new", "old"}},
		{"and fsync of the folder", Disk{"a": "old"}, "openat b; write b new; fsync b; rename b a; fsync .", []string{"new", "old"}},
		{"link", Disk{}, "openat b; write b new; fsync b; link b a; unlink b", []string{"-", "new"}},
		{"a link alone outlives the name that it comes from", Disk{"b": "1"}, "link b a; fsync .; unlink b", []string{"-", "1"}},
		{"remove", Disk{"a": "old"}, "unlink a", []string{"-", "old"}},
	} {
		found := map[string]bool{}
		if err := AfterCrash(c.before, parseCalls(t, c.calls), nil, func(d Disk) bool {
			content, ok := d["a"]
			if !ok {
				content = "-"
			}
			found[content] = true
			return true
		}); err != nil {
			t.Fatal(err)
		}
		if got := slices.Sorted(maps.Keys(found)); !slices.Equal(got, c.want) {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

// What has been made durable is there after every later call.
func TestDurable(t *testing.T) {
	calls := parseCalls(t, "openat k.tmp; write k.tmp key; fsync k.tmp; link k.tmp k; fsync .; unlink k.tmp; openat m.tmp; write m.tmp locked; fsync m.tmp; rename m.tmp m; fsync .")
	states := 0
	order := func(calls []Call) (bad int) {
		if err := AfterCrash(Disk{"m": "original"}, calls, nil, func(d Disk) bool {
			states++
			if d["m"] != "original" && (d["m"] != "locked" || d["k"] != "key") {
				bad++
			}
			return true
		}); err != nil {
			t.Fatal(err)
		}
		return bad
	}
	if bad := order(calls); bad > 0 || states < 15 {
		t.Errorf("in %d of %d states the model is lost", bad, states)
	}
	for _, without := range []int{2, 4, 8} {
		if order(slices.Delete(slices.Clone(calls), without, without+1)) == 0 {
			t.Errorf("nothing is lost without call %d, %v", without, &calls[without])
		}
	}
}

// Files that do not count are as if they were not there.
func TestCount(t *testing.T) {
	var found []string
	count := func(name string) bool { return name == "a" }
	calls := parseCalls(t, "openat b; write b new; fsync b; rename b a; openat c; write c more; unlink c")
	if err := AfterCrash(Disk{"a": "old"}, calls, count, func(d Disk) bool { found = append(found, fmt.Sprint(d)); return true }); err != nil {
		t.Fatal(err)
	}
	if want := []string{"map[a:old]", "map[a:new]"}; !slices.Equal(found, want) {
		t.Errorf("%q, want %q", found, want)
	}
}

// Names in a folder come with it, and calls that hide their data are refused.
func TestFolders(t *testing.T) {
	var found []string
	calls := parseCalls(t, "mkdirat d; openat d/a; fsync d")
	if err := AfterCrash(Disk{}, calls, nil, func(d Disk) bool { found = append(found, fmt.Sprint(d)); return true }); err != nil {
		t.Fatal(err)
	}
	slices.Sort(found)
	if want := []string{"map[]", "map[d/: d/a:]", "map[d/:]"}; !slices.Equal(found, want) {
		t.Errorf("%q, want %q", found, want)
	}
	if err := AfterCrash(Disk{}, parseCalls(t, "copy_file_range a"), nil, func(Disk) bool { return true }); err == nil {
		t.Error("data that is not shown is accepted")
	}
}
