/* SPDX-License-Identifier: Apache-2.0
 *
 * A library that is no plugin.
 */
int no_plugin_of_ours(void);
__attribute__((visibility("default"))) int no_plugin_of_ours(void)
{
    return 0;
}
