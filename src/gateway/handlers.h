// What the route table's rules do.
#pragma once

#include <string>

#include <boost/asio/awaitable.hpp>
#include <boost/json/value.hpp>

#include "gateway/exchange.h"

namespace ds01::gateway {

// Carries out one request whose head has been checked. Exceptions of the ports are the caller's to catch.
boost::asio::awaitable<Flow> handle(Exchange& exchange);

// The request as it goes on once its target is settled: the body streams if the route lets it.
Outgoing plainOutgoing(const Exchange& exchange);

// The request with the body that we have written.
Outgoing jsonOutgoing(const Exchange& exchange, std::string body);

// GET, answered with what `view` leaves of the Engine's answer.
using View = boost::asio::awaitable<Result<bool>> (*)(Ownership& ownership, std::string login,
                                                      boost::json::value& answer);
boost::asio::awaitable<Flow> askAndView(Exchange& exchange, View view);
// GET /containers/json for whoever may see those of everybody.
boost::asio::awaitable<Flow> handleListOfAll(Exchange& exchange);

// Rules with files of their own.
boost::asio::awaitable<Flow> handleCreate(Exchange& exchange);          // POST /containers/create
boost::asio::awaitable<Flow> handleInspect(Exchange& exchange);         // GET /containers/{}/json
boost::asio::awaitable<Flow> handleStart(Exchange& exchange);           // POST /containers/{}/start and …/restart
boost::asio::awaitable<Flow> handleContainerPrune(Exchange& exchange);  // POST /containers/prune
boost::asio::awaitable<Flow> handleUpdate(Exchange& exchange);          // POST /containers/{}/update

boost::asio::awaitable<Flow> handleBuildKit(Exchange& exchange);  // POST /grpc
boost::asio::awaitable<Flow> handleSession(Exchange& exchange);   // POST /session

// exec_handlers.cpp
boost::asio::awaitable<Flow> handleExecCreate(Exchange& exchange);  // POST /containers/{}/exec
boost::asio::awaitable<Flow> handleExecStart(Exchange& exchange);   // POST /exec/{}/start
boost::asio::awaitable<Flow> handleExec(Exchange& exchange);        // the rest of /exec/{}

boost::asio::awaitable<Flow> handleDiskUsage(Exchange& exchange);    // GET /system/df; disk_usage.cpp
boost::asio::awaitable<Flow> handleVolumePrune(Exchange& exchange);  // POST /volumes/prune

// image_handlers.cpp
boost::asio::awaitable<Flow> handleCommit(Exchange& exchange);
boost::asio::awaitable<Flow> handleBuild(Exchange& exchange);
boost::asio::awaitable<Flow> handleImageCreate(Exchange& exchange);
boost::asio::awaitable<Flow> handleImageLoad(Exchange& exchange);
boost::asio::awaitable<Flow> handleImagePush(Exchange& exchange);
boost::asio::awaitable<Flow> handleImageTag(Exchange& exchange);
boost::asio::awaitable<Flow> handleImagesOfAdmin(Exchange& exchange);
boost::asio::awaitable<Flow> handleImageRemove(Exchange& exchange);  // image_removal.cpp
boost::asio::awaitable<Flow> handleImagePrune(Exchange& exchange);   // image_prune.cpp
boost::asio::awaitable<Flow> handleBuildPrune(Exchange& exchange);   // image_prune.cpp

// object_handlers.cpp: volumes and networks
boost::asio::awaitable<Flow> handleNetworkPrune(Exchange& exchange);
boost::asio::awaitable<Flow> handleVolumeList(Exchange& exchange);
boost::asio::awaitable<Flow> handleVolumeCreate(Exchange& exchange);
boost::asio::awaitable<Flow> handleVolume(Exchange& exchange);
boost::asio::awaitable<Flow> handleNetworkList(Exchange& exchange);
boost::asio::awaitable<Flow> handleNetwork(Exchange& exchange);
boost::asio::awaitable<Flow> handleNetworkCreate(Exchange& exchange);
boost::asio::awaitable<Flow> handleNetworkContainer(Exchange& exchange);

}  // namespace ds01::gateway
