// SPDX-License-Identifier: GPL-2.0-or-later
/* nft_impl: what nft.c and nft_look.c share. */
#pragma once

#include "host/nft.h"

#define NFT_COMMENT_MAX 64

/* type: NFT_MSG_*. */
void nft_message(struct netlink_request *r, unsigned type, unsigned flags);
/* Type 0 (a comment), length with the final 0, text: as the nft program keeps it. The bytes. */
size_t nft_user_data(const char *comment, char data[NFT_COMMENT_MAX]);
