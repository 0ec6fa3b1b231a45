package call

import (
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/encoding"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"

	"github.com/kerf-go/kerf/link"
	"github.com/kerf-go/kerf/link/call/receipt"
)

// options is what the call options of one call ask for.
type options struct {
	headers          []*metadata.MD
	trailer          *metadata.MD   // where the retry of a plan wants it, which every call has
	trailers         []*metadata.MD // further ones
	peers            []*peer.Peer
	onFinish         []func(error)
	creds            credentials.PerRPCCredentials
	maxRecv, maxSend int
	waitForReady     bool
	subtype          string
	codec            encoding.CodecV2
	standard         encoding.CodecV2 // what codec is if nobody asks for another
	compressor       string
	authority        string
	wait             link.Wait
	receipt          string
}

// parse reads the options that grpc-go exports. Those about retry buffers and static
// methods mean nothing here, and unknown ones are passed over. A compressor need only
// be installed: links carry messages as they are.
func (o *options) parse(opts []grpc.CallOption) error {
	for _, opt := range opts {
		o.set(opt)
	}
	if o.codec == nil {
		o.codec = o.standard
		if o.subtype != "" {
			o.codec = codecByName(o.subtype)
		}
	}
	if o.codec == nil {
		return status.Errorf(codes.Internal, "no codec registered for content-subtype %s", o.subtype)
	}
	if o.subtype == "" {
		o.subtype = o.codec.Name()
	}
	if c := o.compressor; c != "" && c != encoding.Identity && encoding.GetCompressor(c) == nil {
		return status.Errorf(codes.Internal, "grpc: Compressor is not installed for requested grpc-encoding %q", c)
	}
	return nil
}

func (o *options) set(opt grpc.CallOption) {
	switch opt := opt.(type) {
	case grpc.HeaderCallOption:
		o.headers = append(o.headers, opt.HeaderAddr)
	case grpc.TrailerCallOption:
		o.setTrailer(opt.TrailerAddr)
	case grpc.PeerCallOption:
		o.peers = append(o.peers, opt.PeerAddr)
	case grpc.OnFinishCallOption:
		o.onFinish = append(o.onFinish, opt.OnFinish)
	case grpc.PerRPCCredsCallOption:
		o.creds = opt.Creds
	case grpc.MaxRecvMsgSizeCallOption:
		o.maxRecv = opt.MaxRecvMsgSize
	case grpc.MaxSendMsgSizeCallOption:
		o.maxSend = opt.MaxSendMsgSize
	case grpc.FailFastCallOption:
		o.waitForReady = !opt.FailFast
	case grpc.AuthorityOverrideCallOption:
		o.authority = opt.Authority
	case link.WaitCallOption:
		o.wait = opt.Wait
	case receipt.CallOption:
		o.receipt = opt.Receipt
	default:
		o.setEncoding(opt)
	}
}

func (o *options) setTrailer(to *metadata.MD) {
	if o.trailer == nil {
		o.trailer = to
		return
	}
	o.trailers = append(o.trailers, to)
}

func (o *options) setEncoding(opt grpc.CallOption) {
	switch opt := opt.(type) {
	case grpc.ContentSubtypeCallOption:
		o.subtype = opt.ContentSubtype
	case grpc.ForceCodecCallOption:
		o.codec = oldCodec{opt.Codec, opt.Codec.Name()}
	case grpc.ForceCodecV2CallOption:
		o.codec = opt.CodecV2
	case grpc.CustomCodecCallOption:
		o.codec = oldCodec{opt.Codec, opt.Codec.String()}
	case grpc.CompressorCallOption:
		o.compressor = opt.CompressorType
	}
}
