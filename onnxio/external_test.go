package onnxio

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/advparams/advparams/internal/hint"
)

// TestExternalRefused: what external_data may not say.
func TestExternalRefused(t *testing.T) {
	at := func(location string) []byte { return externalData("location", location) }
	for _, c := range []struct {
		name    string
		storage []byte
		want    string
	}{
		{"no location", externalData("offset", "0"), "external data without a location"},
		{"no external_data", varint(tensorDataLocation, 1), "external data without a location"},
		{"empty location", at(""), "external data without a location"},
		{"absolute", at("/etc/passwd"), "is absolute"},
		{"parent", at("../w.bin"), "contains \"..\""},
		{"parent inside", at("sub/../w.bin"), "contains \"..\""},
		{"parent, the other slash", at(`sub\..\..\w.bin`), "contains \"..\""},
		{"folder itself", at("."), "is not the name of a file"},
		{"folder", at("sub"), "is not a regular file"},
		{"zero byte", at("w.bin\x00.png"), "contains a zero byte"},
		{"Latin-1", at("\xe4.bin"), "is not UTF-8"},
		{"memory address", at("*/_ORT_MEM_ADDR_/*"), "is an address in the memory of another program"},
		{"the model itself", at("model.onnx"), "is the model file itself"},
		{"symbolic link", at("link"), "is a symbolic link"},
		{"link out of the folder", at("out"), "is a symbolic link"},
		{"linked folder", at("linked/s.bin"), "is a symbolic link"},
		{"dangling link", at("dangling"), "is a symbolic link"},
		{"below a file", at("w.bin/x"), "w.bin/x"},
		{"missing file", at("no.bin"), "external data \"no.bin\": file does not exist"},
		{"missing folder", at("no/w.bin"), "external data \"no/w.bin\": file does not exist"},
		{"unknown key", externalData("location", "w.bin", "compression", "zip"), "unknown external data key \"compression\""},
		{"location twice", externalData("location", "w.bin", "location", "s.bin"), "key \"location\" is given twice"},
		{"negative offset", externalData("location", "w.bin", "offset", "-4"), "offset: \"-4\" is not a natural number"},
		{"hexadecimal offset", externalData("location", "w.bin", "offset", "0x4"), "is not a natural number"},
		{"empty offset", externalData("location", "w.bin", "offset", ""), "offset: no number"},
		{"huge offset", externalData("location", "w.bin", "offset", "99999999999999999999"), "is out of range"},
		{"largest offset", externalData("location", "w.bin", "offset", "9223372036854775800"), "out of range"},
		{"offset beyond the file", externalAt("w.bin", 4, 8), "needs bytes 4 to 12 of external data \"w.bin\", which has 8"},
		{"wrong length", externalAt("w.bin", 0, 4), "needs 8 bytes, but the length of its external data is 4"},
		{"negative length", externalData("location", "w.bin", "length", "-8"), "is not a natural number"},
		{"empty file", at("empty.bin"), "which has 0"},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := write(t, "model.onnx", model(tensor("w", float32Type, shape(2), c.storage)),
				"w.bin", floats(1, 2), "sub/s.bin", floats(1, 2), "empty.bin", []byte{})
			secret := write(t, "secret", floats(1, 2))
			for name, target := range map[string]string{"link": "w.bin", "out": secret, "linked": "sub", "dangling": "nowhere"} {
				if err := os.Symlink(target, filepath.Join(filepath.Dir(path), name)); err != nil {
					t.Skip(err)
				}
			}
			err := expectOpenError(t, path, c.want)
			if strings.HasPrefix(c.name, "missing") && (!errors.Is(err, fs.ErrNotExist) || hint.Of(err) == "") {
				t.Errorf("%v: not ErrNotExist, or no hint", err)
			}
		})
	}
}

// TestExternalAccepted: what is unusual but right.
func TestExternalAccepted(t *testing.T) {
	for _, c := range []struct {
		name    string
		storage []byte
	}{
		{"plain", externalAt("w.bin", 0, 8)},
		{"no offset, no length", externalData("location", "w.bin")},
		{"sub-folder", externalAt("sub/s.bin", 0, 8)},
		{"dots in a name", externalAt("sub/..s..bin", 0, 8)},
		{"another spelling", externalAt("./sub//s.bin", 0, 8)},
		{"hard link", externalAt("hard.bin", 0, 8)},
		{"location before type", cat(varint(tensorDataLocation, 1), field(tensorExternalData, entry("location", "w.bin")))},
		{"value before key", cat(varint(tensorDataLocation, 1), field(tensorExternalData, cat(text(entryValueNumber, "w.bin"), text(entryKey, "location"))))},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := write(t, "model.onnx", model(tensor("w", float32Type, shape(2), c.storage)),
				"w.bin", floats(1, 2), "sub/s.bin", floats(1, 2), "sub/..s..bin", floats(1, 2))
			dir := filepath.Dir(path)
			if err := os.Link(filepath.Join(dir, "w.bin"), filepath.Join(dir, "hard.bin")); err != nil && c.name == "hard link" {
				t.Skip(err)
			}
			got, err := open(t, path).Lookup("w").Float32s()
			if err != nil || !slices.Equal(got, []float32{1, 2}) {
				t.Errorf("%v, %v", got, err)
			}
		})
	}
}

// A data file is opened once, however its name is spelt, and renamed everywhere.
func TestExternalSpellings(t *testing.T) {
	path := write(t, "model.onnx", model(
		tensor("a", float32Type, shape(1), externalAt("w.bin", 0, 4)),
		tensor("b", float32Type, shape(1), externalAt("./w.bin", 4, 4)),
	), "w.bin", floats(1, 2))
	m := open(t, path)
	if len(m.Files()) != 2 || m.Files()[1].Size != 8 || m.Files()[1].Name != "w.bin" {
		t.Fatalf("files %+v", m.Files())
	}
	dst := filepath.Join(filepath.Dir(path), "locked.onnx")
	edits := []Edit{{"b", 0, float(3)}}
	rewrite(t, m, dst, false, edits...)
	locked := open(t, dst)
	checkEdited(t, m, locked, edits)
	if len(locked.Files()) != 2 || locked.Files()[1].Name != "locked.onnx.data" {
		t.Errorf("files of the locked model %+v", locked.Files())
	}
}

// Empty tensors may point anywhere in a data file, its end included.
func TestExternalEmpty(t *testing.T) {
	path := write(t, "model.onnx", model(
		tensor("end", float32Type, shape(0), externalAt("w.bin", 4, 0)),
		tensor("nothing", float32Type, shape(0, 2), externalAt("empty.bin", 0, 0)),
	), "w.bin", floats(1), "empty.bin", []byte{})
	m := open(t, path)
	for _, x := range m.Initializers() {
		if got, err := x.Float32s(); err != nil || len(got) != 0 {
			t.Errorf("%s: %v, %v", x.Name, got, err)
		}
	}
	dst := filepath.Join(t.TempDir(), "locked.onnx")
	rec := rewrite(t, m, dst, false)
	checkDigests(t, rec, path, dst)
}
