-- What the members owe is what the bookings cost.
select members.fees, bookings.fee
from (select sum(fees) as fees from dim_members) as members
cross join (select sum(fee) as fee from fct_bookings where status = 'done') as bookings
where members.fees <> bookings.fee
