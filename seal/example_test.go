package seal_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"

	"github.com/advparams/advparams/seal"
)

// Four weights: their exponents stay, one with another; nothing else does.
func Example() {
	var data []byte
	for _, v := range []float32{0.25, -1.5, 0, 0.03} {
		data = binary.LittleEndian.AppendUint32(data, math.Float32bits(v))
	}
	original := bytes.Clone(data)

	key := seal.NewKey()
	c, err := key.Cipher(seal.Tensor{Kind: seal.Float32, Count: 4, KeepSigns: seal.SameSigns(seal.Float32, data)})
	if err != nil {
		panic(err)
	}
	c.Seal(data, 0, 0)
	fmt.Println("sealed:", !bytes.Equal(data, original))
	c.Unseal(data, 0, 0)
	fmt.Println("back:", bytes.Equal(data, original))
	// Output:
	// sealed: true
	// back: true
}
