package dataset

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"path"
	"strings"
)

// wave is the content of a WAV file, the mean of its channels.
type wave struct {
	rate    int // samples a second
	samples []float32
}

// Codes of formats in WAV files.
const (
	wavPCM        = 1
	wavFloat      = 3
	wavExtensible = 0xfffe // the code is in the first bytes of the subformat
)

func isWAV(name string) bool {
	ext := strings.ToLower(path.Ext(name))
	return ext == ".wav" || ext == ".wave"
}

// parseWAV reads RIFF WAVE files with integers of 8 to 32 bits or floats of 32 and 64. Integers
// become numbers from -1 to 1, as soundfile and torchaudio read them.
// https://www.mmsp.ece.mcgill.ca/Documents/AudioFormats/WAVE/WAVE.html
func parseWAV(data []byte) (*wave, error) {
	if len(data) < 12 || string(data[:4]) != "RIFF" || string(data[8:12]) != "WAVE" {
		return nil, errors.New("not a WAV file")
	}
	var format []byte
	for rest := data[12:]; len(rest) >= 8; {
		name, size := string(rest[:4]), binary.LittleEndian.Uint32(rest[4:])
		body := rest[8:]
		if uint64(size) > uint64(len(body)) {
			if name != "data" {
				return nil, fmt.Errorf("the chunk %q is cut off", name)
			}
			size = uint32(len(body)) // as programs that write to a pipe leave it
		}
		switch name {
		case "fmt ":
			format = body[:size]
		case "data":
			return decodeWAV(format, body[:size])
		}
		rest = body[size:]
		if size%2 == 1 && len(rest) > 0 {
			rest = rest[1:]
		}
	}
	return nil, errors.New("there are no samples in it")
}

func decodeWAV(format, data []byte) (*wave, error) {
	if len(format) < 16 {
		return nil, errors.New("there is no format in front of the samples")
	}
	code, channels := binary.LittleEndian.Uint16(format), int(binary.LittleEndian.Uint16(format[2:]))
	rate, bits := int(binary.LittleEndian.Uint32(format[4:])), int(binary.LittleEndian.Uint16(format[14:]))
	if code == wavExtensible && len(format) >= 26 {
		code = binary.LittleEndian.Uint16(format[24:])
	}
	var at func(b []byte) float64
	switch {
	case code == wavPCM && bits == 8:
		at = func(b []byte) float64 { return (float64(b[0]) - 128) / 128 }
	case code == wavPCM && bits == 16:
		at = func(b []byte) float64 { return float64(int16(binary.LittleEndian.Uint16(b))) / (1 << 15) }
	case code == wavPCM && bits == 24:
		at = func(b []byte) float64 {
			return float64(int32(uint32(b[0])<<8|uint32(b[1])<<16|uint32(b[2])<<24)) / (1 << 31)
		}
	case code == wavPCM && bits == 32:
		at = func(b []byte) float64 { return float64(int32(binary.LittleEndian.Uint32(b))) / (1 << 31) }
	case code == wavFloat && bits == 32:
		at = func(b []byte) float64 { return float64(math.Float32frombits(binary.LittleEndian.Uint32(b))) }
	case code == wavFloat && bits == 64:
		at = func(b []byte) float64 { return math.Float64frombits(binary.LittleEndian.Uint64(b)) }
	default:
		return nil, malformed("convert it to 16-bit PCM", "samples of format %d with %d bits", code, bits)
	}
	if channels < 1 || channels > 64 || rate < 1 {
		return nil, fmt.Errorf("%d channels at %d samples a second", channels, rate)
	}
	width := bits / 8
	w := &wave{rate: rate, samples: make([]float32, len(data)/(width*channels))}
	for i := range w.samples {
		sum := 0.0
		for range channels {
			sum += at(data)
			data = data[width:]
		}
		w.samples[i] = float32(sum / float64(channels))
	}
	return w, nil
}
