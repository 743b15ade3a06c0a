// SPDX-License-Identifier: GPL-2.0-or-later
/* main: hospes-oci as a program of its own: static and small, since engines start it for each step they take.
 */
#include "oci/oci.h"

int main(int argc, char **argv)
{
    return oci_main(argc, argv, NULL);
}
