/* SPDX-License-Identifier: Apache-2.0
 *
 * wsman_names.h - the URIs of WS-Management, for the files of this room.
 */
#ifndef EASG_WSMAN_NAMES_H
#define EASG_WSMAN_NAMES_H

#define NS_SOAP   "http://www.w3.org/2003/05/soap-envelope"
#define NS_ADDR   "http://schemas.xmlsoap.org/ws/2004/08/addressing"
#define NS_WSMAN  "http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd"
#define NS_MS     "http://schemas.microsoft.com/wbem/wsman/1/wsman.xsd"
#define NS_SHELL  "http://schemas.microsoft.com/wbem/wsman/1/windows/shell"
#define NS_XFER   "http://schemas.xmlsoap.org/ws/2004/09/transfer"
#define NS_FAULT  "http://schemas.microsoft.com/wbem/wsman/1/wsmanfault"
#define NS_PWSH   "http://schemas.microsoft.com/powershell"
#define ANONYMOUS NS_ADDR "/role/anonymous"

#endif
