package seal

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"testing"
	"testing/iotest"
)

// someFile is a file with tensors of all kinds and gaps between them.
func someFile(t testing.TB, sizes ...int) (data []byte, ranges []Range) {
	t.Helper()
	r := rand.New(rand.NewPCG(8, 8))
	data = random(137, 1)
	for i, n := range sizes {
		k := kinds[i%len(kinds)]
		x := Range{Offset: int64(len(data)), Tensor: Tensor{Index: uint64(i), Kind: k, Count: int64(n)}}
		content := random(n*k.Width(), uint64(i))
		if i%5 == 4 {
			x.Tensor.Kind, x.Tensor.KeepSigns, x.Varints = Bytes, true, true
			content = varintsOf(Bytes, n, r)
		}
		x.Length = int64(len(content))
		ranges = append(ranges, x)
		data = append(append(data, content...), random(r.IntN(3)*77, uint64(i))...)
	}
	return data, ranges
}

func TestStream(t *testing.T) {
	sizes := []int{300_000, 5, 2_000_000, BlockLen, 400_000, 100_000, 1, 0, 700_001, 1_300_000, 17}
	data, ranges := someFile(t, sizes...)
	key := testKey(t, 11)
	want := bytes.Clone(data)
	for _, r := range ranges { // by hand
		c := mustCipher(t, key, r.Tensor)
		part := want[r.Offset:][:r.Length]
		if r.Varints {
			if err := c.SealVarints(part); err != nil {
				t.Fatal(err)
			}
		} else {
			c.Seal(part, 0, 0)
		}
	}
	for _, workers := range []int{1, 4} {
		for name, src := range map[string]func(b []byte) io.Reader{
			"whole": func(b []byte) io.Reader { return bytes.NewReader(b) },
			"half":  func(b []byte) io.Reader { return iotest.HalfReader(bytes.NewReader(b)) },
		} {
			t.Run(fmt.Sprintf("%d/%s", workers, name), func(t *testing.T) {
				var sealed, back bytes.Buffer
				before := sha256.New()
				if err := key.Seal(t.Context(), &sealed, io.TeeReader(src(data), before), int64(len(data)), ranges, workers); err != nil {
					t.Fatal(err)
				}
				if !bytes.Equal(sealed.Bytes(), want) {
					t.Error("not what sealing the ranges one by one gives")
				}
				if sum := sha256.Sum256(data); !bytes.Equal(before.Sum(nil), sum[:]) {
					t.Error("the digest of what was read is not that of the file")
				}
				if err := key.Unseal(t.Context(), &back, src(want), int64(len(data)), ranges, workers); err != nil {
					t.Fatal(err)
				}
				if !bytes.Equal(back.Bytes(), data) {
					t.Error("the original does not come back")
				}
			})
		}
	}
}

type failingWriter struct{ after int }

var errWrite = errors.New("no space")

func (w *failingWriter) Write(b []byte) (int, error) {
	if w.after -= len(b); w.after < 0 {
		return 0, errWrite
	}
	return len(b), nil
}

func TestStreamFails(t *testing.T) {
	data, ranges := someFile(t, 300_000, 2_000_000, 900_000)
	key, size := testKey(t, 1), int64(len(data))
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	broken := errors.New("broken disk")
	for name, c := range map[string]struct {
		ctx  context.Context
		dst  io.Writer
		src  io.Reader
		want error
	}{
		"too short": {t.Context(), io.Discard, bytes.NewReader(data[:size-1]), io.ErrUnexpectedEOF},
		"reading":   {t.Context(), io.Discard, io.MultiReader(bytes.NewReader(data[:size/2]), iotest.ErrReader(broken)), broken},
		"writing":   {t.Context(), &failingWriter{3 << 20}, bytes.NewReader(data), errWrite},
		"cancelled": {cancelled, io.Discard, bytes.NewReader(data), context.Canceled},
	} {
		if err := key.Seal(c.ctx, c.dst, c.src, size, ranges, 2); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
	for range 100 { // one part, for which there is room: whether it is taken must not be left to chance
		if err := key.Seal(cancelled, io.Discard, bytes.NewReader(data[:9]), 9, nil, 2); !errors.Is(err, context.Canceled) {
			t.Fatalf("cancelled, with little data: %v", err)
		}
	}
	if err := key.Seal(t.Context(), io.Discard, bytes.NewReader(append(data, 0)), size, ranges, 2); err == nil {
		t.Error("a file that is too long was accepted")
	}
}

func TestCheckRanges(t *testing.T) {
	f32 := func(offset, count int64) Range {
		return Range{Offset: offset, Length: 4 * count, Tensor: Tensor{Kind: Float32, Count: count}}
	}
	varints := Range{Length: 5, Varints: true, Tensor: Tensor{Kind: Bytes, Count: 5, KeepSigns: true}}
	if err := CheckRanges([]Range{varints, f32(5, 1), f32(9, 0), f32(20, 20)}, 100); err != nil {
		t.Error(err)
	}
	wrong := f32(0, 1)
	wrong.Length = 5
	signs, long := varints, varints
	signs.Tensor.KeepSigns = false
	long.Length = MaxVarints + 1
	for name, ranges := range map[string][]Range{
		"overlap":         {f32(0, 2), f32(4, 1)},
		"order":           {f32(10, 2), f32(0, 1)},
		"behind the end":  {f32(98, 1)},
		"negative":        {f32(-1, 1)},
		"no kind":         {{Length: 1, Tensor: Tensor{Count: 1}}},
		"another length":  {wrong},
		"varints' signs":  {signs},
		"varints' length": {long},
		"overflow":        {{Offset: 1, Length: 1 << 62, Tensor: Tensor{Kind: Bytes, Count: 1 << 62}}},
	} {
		if err := CheckRanges(ranges, 100); !errors.Is(err, ErrRanges) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
