package seal

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"flag"
	"os"
	"testing"
)

var update = flag.Bool("update", false, "write testdata/vectors.json anew")

// A vector is a test vector for readers in any language. Long inputs are made by a
// rule instead of being written down: byte i is (i² + 7·i) mod 251.
type vector struct {
	Seed      string `json:"seed"`
	Salt      string `json:"salt"`
	Index     uint64 `json:"index"`
	Kind      Kind   `json:"kind"`
	KindName  string `json:"kind_name"`
	Count     int64  `json:"count"`
	KeepSigns bool   `json:"keep_signs"`
	Exponents []int  `json:"exponents,omitempty"`
	Input     string `json:"input,omitempty"`         // by the rule if there is none
	Sealed    string `json:"sealed,omitempty"`        // as long as the input
	SHA256    string `json:"sealed_sha256,omitempty"` // instead, for long ones
}

const vectorsFile = "testdata/vectors.json"

func ruled(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte((i*i + 7*i) % 251)
	}
	return b
}

// makeVectors makes vectors with the reference.
func makeVectors(t *testing.T) []vector {
	short := map[Kind]string{
		Bytes:          "000102030405060708090a0b0c0d0e0f80ff7f",
		Float32:        "0000803f000000bfcdcc4c3d00000000000000800000807f0000c07f010000000000008000000100ffff7f7fdb0fc9bf",
		Float64:        "000000000000f03f9a9999999999b9bf0000000000000000000000000000f07f0100000000000000",
		Float16:        "003c00b866260000008000fc007e0100ff03ff7b",
		BFloat16:       "803f00bf4d3d00000080807fc07f01007f7f",
		Float8E4M3FN:   "38b010000180087f78fe7dffbc",
		Float8E4M3FNUZ: "38b010000180087f78fe7dffbc",
		Float8E5M2:     "38b010000180087f78fe7dffbc",
		Float8E5M2FNUZ: "38b010000180087f78fe7dffbc",
		Float8E8M0:     "7f8081fe00ff",
		Int32:          "0000000001000000ffffffffffff00000000008000e803009cffffffffffff7f",
		Int64:          "0000000000000000ffffffffffffffff15cd5b0700000000eb32a4f8ffffffff",
		Uint32:         "0000000001000000ffffffff00000080ff000000",
		Uint64:         "000000000000000015cd5b0700000000ffffffffffffffff",
	}
	var vectors []vector
	add := func(k Kind, index uint64, keep bool, input []byte, long bool, exponents ...byte) {
		key := &Key{}
		for i := range key.Seed {
			key.Seed[i], key.Salt[i] = byte(i), byte(0x80+len(vectors)+i)
		}
		tensor := Tensor{Index: index, Kind: k, Count: int64(len(input) / k.Width()), KeepSigns: keep, Exponents: exponents}
		sealed := reference(t, key, tensor, input)
		v := vector{Seed: hex.EncodeToString(key.Seed[:]), Salt: hex.EncodeToString(key.Salt[:]), Index: index,
			Kind: k, KindName: k.String(), Count: tensor.Count, KeepSigns: keep}
		for _, e := range exponents {
			v.Exponents = append(v.Exponents, int(e))
		}
		if long {
			sum := sha256.Sum256(sealed)
			v.SHA256 = hex.EncodeToString(sum[:])
		} else {
			v.Input, v.Sealed = hex.EncodeToString(input), hex.EncodeToString(sealed)
		}
		vectors = append(vectors, v)
	}
	for _, k := range kinds {
		input, err := hex.DecodeString(short[k])
		if err != nil || len(input) == 0 {
			t.Fatalf("%v: %v", k, err)
		}
		add(k, uint64(k)-1, false, input, false)
		add(k, 1<<40+uint64(k), false, ruled((2*BlockLen+77)*k.Width()), true)
	}
	add(Float32, 0, true, ruled(4*BlockLen), true)
	add(Float16, 7, true, ruled(60), false)
	add(Int32, 8, true, ruled(60), false)
	add(Float16, 9, false, ruled(60), false, rotated(20, 3)...)
	add(Float32, 10, false, ruled(9*BlockLen), true, 2, 1, 3, 5, 4)
	add(Float8E4M3FN, 11, false, ruled(40), false, rotated(14, 1)...)
	return vectors
}

func TestVectors(t *testing.T) {
	if *update {
		text, err := json.MarshalIndent(makeVectors(t), "", " ")
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(vectorsFile, append(text, '\n'), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile(vectorsFile)
	if err != nil {
		t.Fatal(err)
	}
	var vectors []vector
	if err := json.Unmarshal(text, &vectors); err != nil {
		t.Fatal(err)
	}
	if len(vectors) < 2*len(kinds) {
		t.Fatalf("%d vectors for %d kinds", len(vectors), len(kinds))
	}
	unhex := func(s string) []byte {
		b, err := hex.DecodeString(s)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	for i, v := range vectors {
		key := &Key{Seed: [32]byte(unhex(v.Seed)), Salt: [32]byte(unhex(v.Salt))}
		input := unhex(v.Input)
		if v.Input == "" {
			input = ruled(int(v.Count) * v.Kind.Width())
		}
		if v.KindName != v.Kind.String() {
			t.Errorf("vector %d: kind %d is %v, not %s", i, v.Kind, v.Kind, v.KindName)
		}
		var exponents []byte
		for _, e := range v.Exponents {
			exponents = append(exponents, byte(e))
		}
		c := mustCipher(t, key, Tensor{Index: v.Index, Kind: v.Kind, Count: v.Count, KeepSigns: v.KeepSigns, Exponents: exponents})
		data := bytes.Clone(input)
		c.Seal(data, 0, 0)
		sum := sha256.Sum256(data)
		if v.Sealed != "" && !bytes.Equal(data, unhex(v.Sealed)) || v.SHA256 != "" && !bytes.Equal(sum[:], unhex(v.SHA256)) {
			t.Errorf("vector %d, %s: sealed is %.60x…", i, v.KindName, data)
		}
		c.Unseal(data, 0, 0)
		if !bytes.Equal(data, input) {
			t.Errorf("vector %d, %s: the input does not come back", i, v.KindName)
		}
	}
}
