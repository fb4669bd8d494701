package seal

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"math/bits"
	"math/rand/v2"
	"slices"
	"testing"
)

// kinds are all there are.
var kinds = func() []Kind {
	var all []Kind
	for k := range Kind(len(formats)) {
		if k.Valid() {
			all = append(all, k)
		}
	}
	return all
}()

// lengths are numbers of elements around the borders of blocks and spans.
var lengths = []int{0, 1, 2, 3, 7, 100, BlockLen - 1, BlockLen, BlockLen + 1, 3*BlockLen + 5, spanLen*BlockLen + 17}

func random(n int, seed uint64) []byte {
	var key [32]byte
	binary.LittleEndian.PutUint64(key[:], seed)
	b := make([]byte, n)
	rand.NewChaCha8(key).Read(b)
	return b
}

func mustCipher(t testing.TB, k *Key, tensor Tensor) *Cipher {
	t.Helper()
	c, err := k.Cipher(tensor)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// Every kind and length: as the reference has it, with any number of workers, in
// parts, at odd addresses, and back.
func TestSealUnseal(t *testing.T) {
	key := &Key{Seed: [32]byte{1, 2, 3}, Salt: [32]byte{4, 5, 6}}
	for _, kind := range kinds {
		for _, n := range lengths {
			for _, keep := range []bool{false, true} {
				t.Run(fmt.Sprintf("%v/%d/%v", kind, n, keep), func(t *testing.T) {
					tensor := Tensor{Index: uint64(n), Kind: kind, Count: int64(n), KeepSigns: keep}
					c := mustCipher(t, key, tensor)
					original := random(n*kind.Width(), uint64(kind))
					want := reference(t, key, tensor, original)
					for _, workers := range []int{1, 3} {
						room := make([]byte, len(original)+1)
						got := room[workers/3:][:len(original)] // at an odd address for 3
						copy(got, original)
						c.Seal(got, 0, workers)
						if !bytes.Equal(got, want) {
							t.Fatalf("%d workers: not what the reference gives", workers)
						}
						c.Unseal(got, 0, workers)
						if !bytes.Equal(got, original) {
							t.Fatalf("%d workers: the original does not come back", workers)
						}
					}
					size := BlockLen * kind.Width()
					for from := 0; from < len(want); from += size { // the blocks, each by itself
						c.Unseal(want[from:min(from+size, len(want))], int64(from/kind.Width()), 1)
					}
					if !bytes.Equal(want, original) {
						t.Error("the original does not come back from single blocks")
					}
				})
			}
		}
	}
}

// rotated are the exponents from 1 to top, lowered by a shift, the lowest on top.
func rotated(top, shift int) []byte {
	var exponents []byte
	for e := 1; e <= top; e++ {
		exponents = append(exponents, byte((e-1-shift+top)%top+1))
	}
	return exponents
}

// Damped tensors have smaller exponents, and come back.
func TestDamping(t *testing.T) {
	key := testKey(t, 3)
	for kind, m := range mantissas {
		if kind == Float64 {
			continue
		}
		ones := 1<<(8*kind.Width()-1-m) - 1
		for _, top := range []int{ones - 1, ones / 2, 2, 1} {
			for _, shift := range []int{0, 1, 2, top - 1} {
				tensor := Tensor{Kind: kind, Count: 5000, Exponents: rotated(top, shift)}
				c := mustCipher(t, key, tensor)
				original := append(normals(kind, 2500, rand.New(rand.NewPCG(1, 1))), random(2500*kind.Width(), 5)...)
				data := bytes.Clone(original)
				c.Seal(data, 0, 2)
				if !bytes.Equal(data, reference(t, key, tensor, original)) {
					t.Errorf("%v, shift %d of %d: not what the reference gives", kind, shift, top)
				}
				c.Unseal(data, 0, 2)
				if !bytes.Equal(data, original) {
					t.Errorf("%v, shift %d of %d: the original does not come back", kind, shift, top)
				}
			}
		}
	}
	data := normals(Float32, 3*BlockLen, rand.New(rand.NewPCG(1, 1)))
	c := mustCipher(t, key, Tensor{Kind: Float32, Count: 3 * BlockLen, Exponents: rotated(125, 3)})
	size := func() (sum float64) {
		for _, x := range elements(Float32, data) {
			v := float64(math.Float32frombits(uint32(x)))
			sum += v * v
		}
		return math.Sqrt(sum)
	}
	before := size()
	c.Seal(data, 0, 0)
	if after := size(); after < before/10 || after > before/6 {
		t.Errorf("a shift of 3 made it smaller by a factor of %.2f", before/after)
	}
}

func FuzzSeal(f *testing.F) {
	f.Add([]byte("a few bytes of some tensor"), uint8(Float32), uint64(3), false)
	f.Add([]byte{0, 0, 0x80, 0x7f, 1, 0, 0, 0x80}, uint8(Float16), uint64(0), true)
	f.Add([]byte{0x7f, 0xff, 0x80, 0x7e, 0x78}, uint8(Float8E4M3FN), uint64(9), false)
	f.Fuzz(func(t *testing.T, data []byte, k uint8, index uint64, keep bool) {
		kind := kinds[int(k)%len(kinds)]
		data = data[:len(data)/kind.Width()*kind.Width()]
		key := &Key{Seed: [32]byte{k}, Salt: [32]byte{byte(len(data))}}
		tensor := Tensor{Index: index, Kind: kind, Count: int64(len(data) / kind.Width()), KeepSigns: keep}
		c := mustCipher(t, key, tensor)
		sealed := bytes.Clone(data)
		c.Seal(sealed, 0, 0)
		if !bytes.Equal(sealed, reference(t, key, tensor, data)) {
			t.Error("not what the reference gives")
		}
		if a, b := classes(kind, data), classes(kind, sealed); !slices.Equal(a, b) {
			t.Errorf("the classes were %v and are %v", a, b)
		}
		if keep && !slices.Equal(signs(kind, data), signs(kind, sealed)) {
			t.Error("there are other signs than before")
		}
		c.Unseal(sealed, 0, 0)
		if !bytes.Equal(sealed, data) {
			t.Error("the original does not come back")
		}
	})
}

// elements returns the bits of elements.
func elements(k Kind, data []byte) []uint64 {
	var all []uint64
	for w := k.Width(); len(data) > 0; data = data[w:] {
		all = append(all, binary.LittleEndian.Uint64(append(bytes.Clone(data[:w]), 0, 0, 0, 0, 0, 0, 0)))
	}
	return all
}

// class returns what is visible of an element, in terms of its value: from 0 the
// number of binary digits above the smallest number there is, infinity and the NaNs
// as they are.
func class(k Kind, x uint64) uint64 {
	var value float64
	switch k {
	case Bytes:
		return 0
	case Float8E8M0:
		return x
	case Uint32, Uint64:
		return uint64(bits.Len64(x))
	case Int32, Int64:
		s := int64(x<<(64-8*k.Width())) >> (64 - 8*k.Width())
		if s == 0 || s == -1 {
			return uint64(100 + s)
		}
		return uint64(bits.Len64(uint64(max(s, ^s))))
	case Float32:
		value = float64(math.Float32frombits(uint32(x)))
	case BFloat16:
		value = float64(math.Float32frombits(uint32(x) << 16))
	case Float64:
		value = math.Float64frombits(x)
	default:
		value = smallFloat(k, x)
	}
	if value == 0 || value != value || math.IsInf(value, 0) {
		return x | 1<<40
	}
	_, e := math.Frexp(value)
	if k == Float8E4M3FN && math.Abs(value) >= 1<<15 { // by the distance from NaN
		return 1<<41 + uint64(bits.Len64(7-x&7))
	}
	return uint64(e + 2000)
}

// smallFloat is the value of the formats that Go does not know.
func smallFloat(k Kind, x uint64) float64 {
	exponents := map[Kind]int{Float16: 5, Float8E4M3FN: 4, Float8E4M3FNUZ: 4, Float8E5M2: 5, Float8E5M2FNUZ: 5}[k]
	width := 8 * k.Width()
	mantissas := width - 1 - exponents
	e, m := int(x>>mantissas)&(1<<exponents-1), float64(x&(1<<mantissas-1))/float64(int(1)<<mantissas)
	full := e == 1<<exponents-1
	switch k {
	case Float16, Float8E5M2:
		if full && m == 0 {
			return math.Inf(1 - 2*int(x>>(width-1)))
		}
		if full {
			return math.NaN()
		}
	case Float8E4M3FN:
		if x&0x7f == 0x7f {
			return math.NaN()
		}
	default:
		if x == 0x80 {
			return math.NaN()
		}
	}
	v := math.Ldexp(m, 1)
	if e > 0 {
		v = math.Ldexp(1+m, e)
	}
	if x>>(width-1) != 0 {
		v = -v
	}
	return v
}

// classes returns the classes in data of up to one block, sorted.
func classes(k Kind, data []byte) []uint64 {
	all := elements(k, data)
	for i, x := range all {
		all[i] = class(k, x)
	}
	slices.Sort(all)
	return all
}

// signs returns the signs in data of up to one block, sorted.
func signs(k Kind, data []byte) []uint64 {
	if !formats[k].signed {
		return nil
	}
	all := elements(k, data)
	for i, x := range all {
		all[i] = x >> (8*k.Width() - 1)
	}
	slices.Sort(all)
	return all
}

// All 8-bit and 16-bit codes, and the edges of the wide ones: each block keeps its
// classes, and with that its zeros, infinities, NaNs and denormal numbers.
func TestClassesStay(t *testing.T) {
	for _, kind := range kinds {
		var data []byte
		switch kind.Width() {
		case 1:
			for x := range 256 {
				data = append(data, byte(x))
			}
		case 2:
			for x := range 1 << 16 {
				data = binary.LittleEndian.AppendUint16(data, uint16(x))
			}
		default:
			for shift := range 8 * kind.Width() {
				for _, x := range []uint64{1 << shift, 1<<shift - 1, ^uint64(0) << shift} {
					data = append(data, binary.LittleEndian.AppendUint64(nil, x)[:kind.Width()]...)
				}
			}
			data = append(data, normals(kind, 5000, rand.New(rand.NewPCG(1, 1)))...)
		}
		n := len(data) / kind.Width()
		c := mustCipher(t, NewKey(), Tensor{Kind: kind, Count: int64(n)})
		sealed := bytes.Clone(data)
		c.Seal(sealed, 0, 0)
		if bytes.Equal(sealed, data) {
			t.Errorf("%v: nothing was sealed", kind)
		}
		for size := BlockLen * kind.Width(); len(data) > 0; {
			part := min(size, len(data))
			if !slices.Equal(classes(kind, data[:part]), classes(kind, sealed[:part])) {
				t.Errorf("%v: classes have changed", kind)
			}
			data, sealed = data[part:], sealed[part:]
		}
	}
}

func TestSameSigns(t *testing.T) {
	f32 := func(values ...float32) []byte {
		var b []byte
		for _, v := range values {
			b = binary.LittleEndian.AppendUint32(b, math.Float32bits(v))
		}
		return b
	}
	i32 := func(values ...int32) []byte {
		var b []byte
		for _, v := range values {
			b = binary.LittleEndian.AppendUint32(b, uint32(v))
		}
		return b
	}
	long := func(last float32) []byte { return append(bytes.Repeat(f32(1), 5000), f32(last)...) }
	negZero := float32(math.Copysign(0, -1))
	for _, c := range []struct {
		name string
		kind Kind
		data []byte
		want bool
	}{
		{"positive", Float32, f32(1, 2, 0, negZero), true},
		{"negative", Float32, f32(-1, -2, 0, float32(math.Inf(1))), true},
		{"mixed", Float32, f32(-1, 2), false},
		{"no elements", Float32, nil, true},
		{"long, mixed at the end", Float32, long(-1), false},
		{"long", Float32, long(1), true},
		{"integers", Int32, i32(3, 0, -1, 7), true},
		{"mixed integers", Int32, i32(3, -2), false},
		{"unsigned", Uint32, i32(3, -2), true},
		{"float8", Float8E4M3FN, []byte{1, 0x81}, false},
		{"float8, and NaN", Float8E4M3FN, []byte{1, 0xff}, true},
		{"bytes", Bytes, []byte{1, 0x81}, true},
	} {
		if got := SameSigns(c.kind, c.data); got != c.want {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}

// What a tensor's keystream depends on: all of it.
func TestKeystreamsDiffer(t *testing.T) {
	key := NewKey()
	base := Tensor{Index: 1, Kind: Float32, Count: 64}
	other := *key
	other.Salt[31]++
	seeded := *key
	seeded.Seed[0]++
	variants := map[string]*Cipher{
		"base":  mustCipher(t, key, base),
		"index": mustCipher(t, key, Tensor{Index: 2, Kind: Float32, Count: 64}),
		"kind":  mustCipher(t, key, Tensor{Index: 1, Kind: Bytes, Count: 64}),
		"count": mustCipher(t, key, Tensor{Index: 1, Kind: Float32, Count: 65}),
		"signs": mustCipher(t, key, Tensor{Index: 1, Kind: Float32, Count: 64, KeepSigns: true}),
		"salt":  mustCipher(t, &other, base),
		"seed":  mustCipher(t, &seeded, base),
	}
	seen := map[string]string{}
	for name, c := range variants {
		b := make([]byte, 32)
		c.keystream(0).XORKeyStream(b, b)
		if twin, ok := seen[string(b)]; ok {
			t.Errorf("%s and %s have one keystream", name, twin)
		}
		seen[string(b)] = name
	}
}

func TestDeriveKey(t *testing.T) {
	secret := []byte("sixteen bytes or")
	derive := func(context ...string) Key {
		var c [][]byte
		for _, s := range context {
			c = append(c, []byte(s))
		}
		k, err := DeriveKey(secret, c...)
		if err != nil {
			t.Fatal(err)
		}
		return *k
	}
	if first, again := derive("a", "b"), derive("a", "b"); first != again {
		t.Error("not repeatable")
	}
	all := []Key{derive("a", "b"), derive("b", "a"), derive("ab"), derive("a"), derive("a", "b", ""), derive()}
	for i := range all {
		for j := range i {
			if all[i] == all[j] || all[i].Seed == all[j].Seed {
				t.Errorf("contexts %d and %d give one key", i, j)
			}
		}
	}
	if _, err := DeriveKey(secret[1:]); !errors.Is(err, ErrShortSecret) {
		t.Errorf("a short secret: %v", err)
	}
	if first, second := *NewKey(), *NewKey(); first == second {
		t.Error("two fresh keys are one")
	}
}

func TestCipherRefuses(t *testing.T) {
	for _, tensor := range []Tensor{{Kind: 0}, {Kind: 99}, {Kind: Float32, Count: -1}, {Kind: Float64, Count: math.MaxInt64 / 8},
		{Kind: Bytes, Exponents: []byte{1}}, {Kind: Int32, Exponents: []byte{1}}, {Kind: Float8E8M0, Exponents: []byte{1}},
		{Kind: Float64, Exponents: []byte{1}}, {Kind: Float16, Exponents: make([]byte, 31)}, {Kind: Float16, Exponents: []byte{0}},
		{Kind: Float16, Exponents: []byte{1, 1}}, {Kind: Float16, Exponents: []byte{1, 3}}, {Kind: Float16, Exponents: rotated(31, 1)}} {
		if _, err := NewKey().Cipher(tensor); err == nil {
			t.Errorf("%v was accepted", tensor)
		}
	}
	c := mustCipher(t, NewKey(), Tensor{Kind: Float32, Count: 2 * BlockLen})
	for _, call := range []struct{ bytes, first int }{{4, 0}, {4, 1}, {5, 0}, {4 * BlockLen, 2 * BlockLen}, {4 * BlockLen, -BlockLen}, {4 * (BlockLen + 1), BlockLen}} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%v was accepted", call)
				}
			}()
			c.Seal(make([]byte, call.bytes), int64(call.first), 1)
		}()
	}
}

func TestReverseBytes(t *testing.T) {
	a, b, c, d := []uint8{1}, []uint16{0x0102}, []uint32{0x01020304}, []uint64{0x0102030405060708}
	reverseBytes(a)
	reverseBytes(b)
	reverseBytes(c)
	reverseBytes(d)
	if a[0] != 1 || b[0] != 0x0201 || c[0] != 0x04030201 || d[0] != 0x0807060504030201 {
		t.Errorf("%#x %#x %#x %#x", a, b, c, d)
	}
}

// A short tensor and blocks in the middle cost no allocation for each block.
func TestAllocations(t *testing.T) {
	c := mustCipher(t, NewKey(), Tensor{Kind: Float32, Count: 1 << 20})
	data := make([]byte, 4<<20)
	c.Seal(data, 0, 1)
	blocks := float64(1<<20) / BlockLen
	if n := testing.AllocsPerRun(5, func() { c.Seal(data, 0, 1) }); n > blocks/2 {
		t.Errorf("%.0f allocations for %.0f blocks", n, blocks)
	}
}
