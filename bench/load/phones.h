/* What main.c needs of the phones, besides what protocols do. */
#pragma once
#include "load.h"

extern int phones_opened;

/* Room for so many phones. */
void phones_begin(int count);
void phone_open(struct phone *);
/* Handles what has come, and waits for it no longer than this. */
void phones_poll(long wait_us);
