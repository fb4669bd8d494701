package glyphs

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"io"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

func draw(t *testing.T, seed uint64, split Split, n int) *Set {
	t.Helper()
	s, err := Draw(seed, split, n)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// The digests hold on every platform; a change of them is a new data set, and
// needs a new model.
func TestDrawIsPinned(t *testing.T) {
	for _, c := range []struct {
		split          Split
		images, labels string
	}{
		{Train, "e836a4a312ac3f03d98f45f9e0ef01ab8e375c123e26e88cf11c7e38f7eac128", "7058dd0fc9d0401ba2ba1e426f4660e5d548b55e8a5d20657ce93d0deb499e38"},
		{Test, "2d4d03c48ab6f5bfded4aa0250144a982694114c299ada0b3f1232be9d3fbfd9", "ae63029e1ae88be3a7fc0f7a939ccaa5ca0b581cedb269bb735e26b72c1b4e80"},
	} {
		s := draw(t, 1, c.split, 400)
		for _, d := range []struct {
			what string
			data []byte
			want string
		}{{"images", s.Images, c.images}, {"labels", s.Labels, c.labels}} {
			sum := sha256.Sum256(d.data)
			if got := hex.EncodeToString(sum[:]); got != d.want {
				t.Errorf("split %d: the SHA-256 of the %s is %s, want %s", c.split, d.what, got, d.want)
			}
		}
	}
}

func TestDrawLongerSetBeginsWithShorter(t *testing.T) {
	short, long := draw(t, 7, Train, 20), draw(t, 7, Train, 50)
	if !bytes.Equal(short.Images, long.Images[:len(short.Images)]) || !bytes.Equal(short.Labels, long.Labels[:20]) {
		t.Error("the first 20 of 50 samples are not those of 20")
	}
}

func TestDrawStreamsDiffer(t *testing.T) {
	base := draw(t, 1, Train, 32)
	for name, other := range map[string]*Set{"another split": draw(t, 1, Test, 32), "another seed": draw(t, 2, Train, 32)} {
		if bytes.Equal(base.Labels, other.Labels) {
			t.Errorf("%s has the same labels", name)
		}
		for i := range 32 {
			if bytes.Equal(base.Images[i*Size*Size:][:Size*Size], other.Images[i*Size*Size:][:Size*Size]) {
				t.Errorf("%s has the same image %d", name, i)
			}
		}
	}
}

func TestLabelsAreBalanced(t *testing.T) {
	s := draw(t, 3, Test, 10*len(Classes))
	for run := range slices.Chunk(s.Labels, len(Classes)) {
		slices.Sort(run)
		for k, label := range run {
			if int(label) != k {
				t.Fatalf("a run of %d samples has the labels %v", len(Classes), run)
			}
		}
	}
}

func TestImagesHaveSixteenShades(t *testing.T) {
	seen := map[byte]bool{}
	for _, v := range draw(t, 4, Test, 64).Images {
		seen[v] = true
	}
	for v := range seen {
		if v%17 != 0 {
			t.Errorf("shade %d", v)
		}
	}
	if len(seen) != 16 {
		t.Errorf("%d shades in use, want 16", len(seen))
	}
}

func TestWriteFiles(t *testing.T) {
	dir := t.TempDir()
	s := draw(t, 5, Test, 3)
	if err := s.WriteFiles(dir, Test); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string][]byte{
		"t10k-images-idx3-ubyte.gz": slices.Concat([]byte{0, 0, 8, 3}, be(3), be(Size), be(Size), s.Images),
		"t10k-labels-idx1-ubyte.gz": slices.Concat([]byte{0, 0, 8, 1}, be(3), s.Labels),
	} {
		f, err := os.Open(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		z, err := gzip.NewReader(f)
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(z)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, want) {
			t.Errorf("%s does not hold the set", name)
		}
	}
	if err := s.WriteFiles(filepath.Join(dir, "none"), Test); err == nil {
		t.Error("no error for a folder that does not exist")
	}
}

func be(v uint32) []byte { return binary.BigEndian.AppendUint32(nil, v) }
