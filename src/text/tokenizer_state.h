// The hidden part of Tokenizer. Private to this room.
#ifndef DRAGOMAN_TEXT_TOKENIZER_STATE_H_
#define DRAGOMAN_TEXT_TOKENIZER_STATE_H_

#include "text/tokenizer.h"
#include "text/tokenizer_data.h"

namespace dragoman {

struct Tokenizer::State {
  TokenizerData data;
};

}  // namespace dragoman

#endif  // DRAGOMAN_TEXT_TOKENIZER_STATE_H_
