export{c7_a as a,c7_b as b,c7_c as c,c7_d as d,c7_e as e,c7_f as f,c7_g as g,c7_h as h,c7_i as i,c7_j as j,c7_k as k,c7_l as l,c7_m as m,c7_n as n,c7_o as o}from"../sign.js";
